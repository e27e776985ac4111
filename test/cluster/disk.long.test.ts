// alone
// time limit: 300 s
/** Disks that fail real signers: full, with errors, hanging, slow, damaged. A signer stops at once or goes on slowly, and never contradicts itself. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleCrashingSigner, CrashBench, type Crashing, endOf, metOf, removeBundles } from './crash-bench.js'
import type { Point } from './crash-point.js'
import { damage, endedForItsStore, flipped, refusesToStart, startByCommand } from './disk-faults.js'

const SIGNER = 1
const N = 4
let bench: CrashBench
let crashing: Crashing

test.before(async () => {
  bench = await CrashBench.up(N, await bundleCrashingSigner())
  await bench.musig('kill', String(SIGNER))
  crashing = await bench.start(SIGNER)
})

test.after(async () => {
  await bench.end()
  removeBundles()
})

/** Sends transfers until the signer has ended. What is under way then is waited for once it is back. */
async function untilItEnds(signer: Crashing): Promise<Promise<unknown>[]> {
  const answers: Promise<unknown>[] = []
  for (let i = 0; !signer.isOver() && i < 200; i++) {
    answers.push(bench.submit(bench.transfer(), (SIGNER + 1 + (i % (N - 1))) % N))
    await Promise.race([answers.at(-1), signer.ended])
  }
  return answers
}

/** With four signers every batch needs every vote: nothing may come of the batch whose vote could not be written. */
async function back(answers: readonly Promise<unknown>[]): Promise<void> {
  const states = await Promise.all([0, 2, 3].map((from) => bench.status(from)))
  assert.ok(
    states.some(({ undecided }) => undecided > 0),
    'the vote left all the same',
  )
  crashing = await bench.start(SIGNER)
  await Promise.all(answers)
  await bench.settled()
}

const EXIT = { code: 4, signal: null } as const
const VOTE: Point = { role: 'leaf', action: 'append', kind: 'vote', nth: 1, when: 'before' }

for (const code of ['EIO', 'ENOSPC'] as const)
  test(`${code}: the signer ends with code 4, no vote leaves, and it goes on once the disk is well`, async () => {
    await bench.tell(crashing, { type: 'fail', point: VOTE, code })
    const answers = await untilItEnds(crashing)
    assert.ok(metOf(crashing))
    assert.match(await endedForItsStore(crashing, EXIT), new RegExp(code))
    await back(answers)
  })

test('a disk that hangs: the watchdog ends the signer, no vote leaves, and it goes on afterwards', async () => {
  await bench.tell(crashing, { type: 'hang', point: VOTE })
  const answers = await untilItEnds(crashing)
  assert.ok(metOf(crashing))
  assert.match(await endedForItsStore(crashing, { code: null, signal: 'SIGKILL' }), /did not answer within 1500 ms/)
  await back(answers)
})

test('a disk without room: the real command ends with code 4 and says so, and goes on once there is room', async () => {
  crashing.child.kill('SIGTERM')
  await endOf(crashing)
  const limited = startByCommand(bench, SIGNER, 64)
  await bench.linked(SIGNER, limited)
  const answers = await untilItEnds(limited)
  assert.match(await endedForItsStore(limited, EXIT), /could not be written to .*store.*start it again/)
  await back(answers)
})

test('a slow disk: everything is executed, slowly', async () => {
  await bench.tell(crashing, { type: 'slow', delayMs: 300 })
  for (let i = 0; i < 4; i++) {
    const begun = performance.now()
    assert.is((await bench.submit(bench.transfer(), i))?.status, 'executed')
    assert.ok(performance.now() - begun > 250, 'its vote came before its record was written')
  }
  await bench.tell(crashing, { type: 'rest' })
  await bench.settled()
})

const DAMAGES: [what: string, change: (bytes: Buffer) => Buffer][] = [
  ['a flipped bit in the middle', flipped],
  ['half of the file gone', (bytes) => bytes.subarray(0, bytes.length >> 1)],
  ['the last record torn off', (bytes) => bytes.subarray(0, bytes.length - 5)],
]

for (const [what, change] of DAMAGES)
  test(`${what}: the real command refuses to start and names the record, or the file`, async () => {
    if (!crashing.isOver()) {
      // A kill leaves the records in their log, as they were appended.
      crashing.child.kill('SIGKILL')
      await endOf(crashing)
    }
    const mend = damage(bench.store(SIGNER), change)
    try {
      // LevelDB itself finds some damage before a record is looked at.
      assert.match(await refusesToStart(bench, SIGNER), /^Error: (?:record \d+ of|the store) .*store.* (?:is missing|is altered|cannot be read).*$/)
    } finally {
      mend()
    }
  })

test('a second process on the same folder ends with one line; the first goes on', async () => {
  const first = startByCommand(bench, SIGNER)
  await bench.linked(SIGNER, first)
  const second = startByCommand(bench, SIGNER)
  assert.is((await endOf(second)).code, 3)
  assert.match(second.output(), new RegExp(`^Error: the store in .* is in use by process ${first.child.pid}\n$`))
  assert.is((await bench.submit(bench.transfer(), SIGNER))?.status, 'executed')
})

test('after all that the stores hold no contradiction and everything that was acknowledged', async () => {
  await bench.settled()
  await bench.nothingLost()
  await bench.musig('down')
  const { faults, compared } = await bench.faultsInStores()
  assert.equal(faults, [])
  assert.ok(compared > 100, `${compared} statements`)
})

test.run()
