// time limit: 300 s
/**
 * kill -9 at some points of a batch, as root, inner signer and leaf, with real processes; a store that lies, which the signer notices and the judgement finds;
 * a disk with an error. All points: `crash.long.test.ts`.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleCrashingSigner, CrashBench, removeBundles } from './crash-bench.js'
import type { Point } from './crash-point.js'
import { CrashRun, tableOf } from './crash-run.js'
import { damage, endedForItsStore, flipped, refusesToStart } from './disk-faults.js'

const SIGNER = 2
let bench: CrashBench
let run: CrashRun

test.before(async () => {
  bench = await CrashBench.up(4, await bundleCrashingSigner())
  run = await CrashRun.begin(bench, SIGNER)
})

test.after(async () => {
  await bench.end()
  removeBundles()
})

const POINTS: Point[] = [
  { role: 'root', action: 'send', kind: 'propose', nth: 1, when: 'after' },
  { role: 'inner', action: 'append', kind: 'vote', nth: 1, when: 'before' },
  { role: 'leaf', action: 'append', kind: 'vote', nth: 1, when: 'after' },
]

test('killed there and started again: the batch completes and nothing is lost', async () => {
  for (const point of POINTS) await run.crash(point, 'lone')
  console.log(tableOf(run.outcomes))
  assert.ok(run.outcomes.every(({ result }) => result === 'died'))
  await bench.nothingLost()
})

test('a store that tells its core of what it has not written: the signer finds its vote with others and follows; once that is accepted it goes on', async () => {
  const lost = await run.lie({ role: 'leaf', action: 'send', kind: 'vote', nth: 1, when: 'after' })
  assert.is(lost, 'a certificate holds a signature of this signer that its records know nothing of')
  assert.is((await bench.submit(bench.transfer(), SIGNER))?.status, 'executed')
  await bench.nothingLost()
})

test('a disk with an error ends the signer with code 4; a flipped bit in its records keeps it from starting', async () => {
  const { crashing } = run
  await bench.tell(crashing, { type: 'fail', point: { role: 'root', action: 'append', kind: 'batch', nth: 1, when: 'before' }, code: 'EIO' })
  assert.is(await bench.submit(bench.transfer(), SIGNER, 2000), undefined)
  assert.match(await endedForItsStore(crashing, { code: 4, signal: null }), /EIO/)
  const mend = damage(bench.store(SIGNER), flipped)
  assert.match(await refusesToStart(bench, SIGNER), /^Error: record \d+ of .*store.* (?:is missing|is altered|cannot be read).*$/)
  mend()
})

test('the stores of all signers: nobody has said two things, and what the lie has cost is the one thing missing', async () => {
  await bench.musig('down')
  const { faults, compared } = await bench.faultsInStores()
  assert.ok(compared > 30, `${compared} statements`)
  assert.is(faults.length, 1, faults.join('\n'))
  assert.match(faults[0] ?? '', new RegExp(`of signer ${SIGNER}: a vote`))
})

test.run()
