// alone
// time limit: 3600 s
/**
 * Roots killed at each boundary between two phases, and left dead: another coordinator finishes what they began, and `tx why` names it. Then the same with a
 * second signer that is killed at each record and message of that recovery, as the coordinator and as one who answers.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { jsonOf } from '../commands/musig.js'
import { bundleCrashingSigner, CrashBench, type Crashing, removeBundles } from './crash-bench.js'
import { nameOf, type Point, pointsOf } from './crash-point.js'
import { type Outcome, tableOf } from './crash-run.js'
import { OrphanRun } from './orphan-run.js'

const N = 5
const ROOT = 0
const SECOND = 2
let bench: CrashBench
let run: OrphanRun

test.before(async () => {
  bench = await CrashBench.up(N, await bundleCrashingSigner())
  run = await OrphanRun.begin(bench, ROOT)
})

test.after(async () => {
  await bench.end()
  removeBundles()
})

type Boundary = [what: string, action: Point['action'], kind: string, nth: number, when: Point['when'], certified: boolean]

/** `certified`: whether the certificate may have left already. */
const FAST: Boundary[] = [
  ['before 1a', 'send', 'propose', 1, 'before', false],
  ['in 1a: half of the tree has the batch', 'send', 'propose', 1, 'after', false],
  ['after 1a', 'send', 'propose', 2, 'after', false],
  ['in 1b: half of the votes are there', 'receive', 'vote', 1, 'after', false],
  ['after 1b: all votes are there', 'receive', 'vote', 2, 'after', false],
  ['committed, and nobody was told', 'append', 'certificate', 1, 'after', false],
  ['in 2: half of the tree has the certificate', 'send', 'certificate', 1, 'after', true],
]
const SLOW: Boundary[] = [
  ['ordered, and nobody was told', 'append', 'order', 1, 'after', false],
  ['in 2: half of the tree has the order', 'send', 'order', 1, 'after', false],
  ['after 2', 'send', 'order', 2, 'after', false],
  ['in 3a: half of the accepts are there', 'receive', 'accept', 1, 'after', false],
  ['before 3b: committed, and nobody was told', 'append', 'certificate', 1, 'after', false],
]

for (const [rivals, boundaries] of [[false, FAST] as const, [true, SLOW] as const])
  for (const [what, action, kind, nth, when, certified] of boundaries)
    test(`root killed ${what}`, async () => {
      const orphan = await run.orphan({ role: 'root', action, kind, nth, when }, rivals)
      assert.ok(orphan, 'unknown: the root never came there')
      if (!orphan) return
      const { met, txId, answers } = orphan
      if (!met.left) {
        // Nobody else knows of it: it is the root's to go on with.
        await run.heal(answers)
        assert.is((await bench.show(txId, 1))?.status, 'executed')
        return
      }
      await bench.settled(run.others)
      const shown = await bench.show(txId, 1)
      assert.is(shown?.status, 'executed')
      const { stdout, stderr } = await bench.bench.musig(['tx', 'why', txId, '--from', '1', '--json'])
      const sentence = String(jsonOf({ code: 0, stdout, stderr })['sentence'])
      console.log(`${what}: ${sentence}`)
      if (!certified) {
        assert.ok((shown?.ballot ?? 0) > 0, `decided in ballot ${shown?.ballot}`)
        assert.match(sentence, new RegExp(`decided in ballot ${shown?.ballot} by coordinator [1-4], because root ${ROOT} did not finish`))
      }
      await run.heal(answers)
    })

test('a second signer killed at each record and message of the recovery', async () => {
  await bench.musig('kill', String(SECOND))
  let second: Crashing = await bench.start(SECOND)
  const outcomes: Outcome[] = []
  for (const role of ['coordinator', 'follower'] as const) {
    const next = role === 'coordinator' ? SECOND : SECOND + 1
    const root: Point = { role: 'root', action: 'send', kind: 'propose', nth: 2, when: 'after', next }
    await bench.tell(second, { type: 'watch', role, next })
    second.steps.length = 0
    const watched = await run.orphan(root, false)
    assert.ok(watched)
    await bench.settled(run.others)
    await run.heal(watched?.answers ?? [])
    const steps = [...second.steps]
    const begun = steps.findIndex((step) => step.includes(' timeout '))
    console.log(role, steps.join(', '))
    assert.ok(begun >= 0)
    // Of the batch that the root leaves behind, and not of one before it.
    for (const point of steps.slice(begun).flatMap((step) => pointsOf(role, step).map((each) => ({ ...each, next })))) {
      const begunMs = performance.now()
      await bench.tell(second, { type: 'die', point })
      const orphan = await run.orphan(root, false)
      assert.ok(orphan)
      const died = await run.diesToo(second)
      if (died) second = await bench.start(SECOND, { count: N - 2 })
      else await bench.tell(second, { type: 'rest' })
      await bench.settled(run.others)
      if (orphan) assert.is((await bench.show(orphan.txId, 1))?.status, 'executed')
      await run.heal(orphan?.answers ?? [])
      outcomes.push({ point, result: died ? 'died' : 'unknown', ms: Math.round(performance.now() - begunMs) })
      console.log(nameOf(point), JSON.stringify(outcomes.at(-1)?.result), outcomes.at(-1)?.ms)
    }
  }
  console.log(tableOf(outcomes))
  const died = outcomes.filter(({ result }) => result === 'died').length
  assert.ok(died >= outcomes.length * 0.8, `${died} of ${outcomes.length} points were met`)
})

test('the stores of all signers: nobody has said two things, nothing is lost', async () => {
  await bench.nothingLost()
  await bench.musig('down')
  const { faults, compared } = await bench.faultsInStores()
  console.log(`${compared} statements compared with their authors' stores`)
  assert.equal(faults, [])
})

test.run()
