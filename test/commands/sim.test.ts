// time limit: 300 s
/** `musig sim run|sweep|replay`: documents, exit codes, traces that come back as the same run, and what is refused. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Bench, jsonOf } from './musig.js'

const bench = new Bench()
test.after(() => bench.remove())

test('run: one document with what scripts rely on', async () => {
  const outcome = await bench.musig(['sim', 'run', '--seed', '3', '-n', '9', '--crashes', '1', '--json'])
  assert.is(outcome.code, 0, outcome.stderr)
  const { schema, seed, n, runs, verdict, safe, live, violations, fastShare, latency, perSigner, command } = jsonOf(outcome)
  assert.equal([schema, seed, n, runs, verdict, safe, live, violations], [1, 3, 9, 1, 'ok', true, true, []])
  assert.type(fastShare, 'number')
  for (const [part, names] of [
    [latency, ['hops', 'ms']],
    [perSigner, ['bytes', 'signatures', 'verifications', 'messages']],
  ] as const)
    for (const name of names) assert.ok(((part as Record<string, number>)[name] ?? 0) > 0, name)
  assert.is(command, 'musig sim replay 3 -n 9 --crashes 1')
})

test('run: for people, and with a fresh seed that is shown', async () => {
  const { code, stdout } = await bench.musig(['sim', 'run'])
  assert.is(code, 0)
  assert.match(stdout, /^ok: 5 batches executed/)
  assert.match(stdout, /\nagain: musig sim replay \d+\n$/)
})

test('run: real signatures', async () => {
  const { code, stdout } = await bench.musig(['sim', 'run', '--seed', '1', '-n', '4', '--txs', '1', '--bls', 'blst'])
  assert.is(code, 0, stdout)
})

test('a trace is JSON lines, comes back as the same run, and a changed one is noticed', async () => {
  const file = join(bench.folder, 'run.jsonl')
  assert.is((await bench.musig(['sim', 'run', '--seed', '5', '--restarts', '2', '--trace', file])).code, 0)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  for (const line of lines) assert.type(JSON.parse(line).at, 'number')
  const replayed = await bench.musig(['sim', 'replay', file])
  assert.is(replayed.code, 0)
  assert.is(replayed.stderr, '')
  assert.match(replayed.stdout, /signer 3 +message from \d/)
  assert.match(replayed.stdout, /comes back/)
  const bySeed = await bench.musig(['sim', 'replay', '5', '--restarts', '2'])
  assert.is(bySeed.stdout, replayed.stdout)
  writeFileSync(file, [...lines.slice(0, 40), ...lines.slice(41)].join('\n'))
  assert.match((await bench.musig(['sim', 'replay', file])).stderr, /line 41 differs/)
  const one = jsonOf(await bench.musig(['sim', 'replay', '5', '--signer', '2', '--json']))
  assert.ok((one['steps'] as { signer: number | null }[]).every(({ signer }) => signer === null || signer === 2))
})

test('sweep: counts add up, one process or two give the same', async () => {
  const [one, two] = await Promise.all(
    ['1', '2'].map(async (workers) => {
      const outcome = await bench.process(['sim', 'sweep', '--seeds', '10', '--first', '500', '--workers', workers, '--json'])
      assert.is(outcome.code, 0, outcome.stderr)
      return jsonOf(outcome)
    }),
  )
  assert.equal(one, two)
  const { runs, verdicts, safe, live, failures } = one ?? {}
  assert.equal([runs, safe, live, failures], [10, true, true, []])
  assert.is(
    Object.values(verdicts as Record<string, number>).reduce((sum, count) => sum + count, 0),
    10,
  )
})

test('sweep: a run that is stuck is shown with the command that repeats it, and both exit with 1', async () => {
  // No time at all after the last fault: what is lost then is never executed in time.
  const { code, stdout } = await bench.musig(['sim', 'sweep', '--seeds', '12', '--workers', '1', '--limit-ms', '0'])
  assert.is(code, 1)
  const command = /^stuck: musig (sim replay .*)$/m.exec(stdout)?.[1]
  assert.ok(command, stdout)
  const again = await bench.musig(command.split(' '))
  assert.is(again.code, 1)
  assert.match(again.stdout, /\nstuck: musig sim replay/)
})

const REFUSED: [args: string[], says: RegExp][] = [
  [['run', '-n', '0'], /no signers|at least one/],
  [['run', '--tolerance', '1/3'], /1\/3/],
  [['run', '--crashes', '3'], /n − q = 1/],
  [['run', '--loss', '2'], /share/],
  [['run', '--loss', 'many'], /“many” is not a number/],
  [['run', '--delay', 'soon'], /is no delay/],
  [['run', '--topology', 'mesh', '--crashes', '1'], /mesh/],
  [['run', '--trace', '/nowhere/at/all.jsonl'], /cannot write/],
  [['run', '--byzantine', '1'], /byzantine/],
  [['replay', '/nowhere/at/all.jsonl'], /cannot read/],
  [['sweep', '--crashes', '2'], /n − q = 1/],
  [['sweep', '-n', '4', '--liars', '9', '--seeds', '4', '--workers', '2'], /^Error: 9 liars are more than the 4 signers$/m],
  [['sweep', '--seeds', '0'], /seeds/],
]

for (const [args, says] of REFUSED) {
  test(`refused: sim ${args.join(' ')}`, async () => {
    // Workers are this very command once more, as processes.
    const { code, stderr, stdout } = await (args.includes('--workers') ? bench.process(['sim', ...args]) : bench.musig(['sim', ...args]))
    assert.is(code, 2, stdout)
    assert.match(stderr, says)
    assert.is(stderr.trim().split('\n').length, 1, stderr)
  })
}

test('sweep: Ctrl-C ends it and its processes, in one word', async () => {
  const args = ['sim', 'sweep', '--seeds', '100000', '--workers', '2']
  const stopped = await bench.process(args, { stopAt: /runs of/ })
  assert.is(stopped.code, 130)
  assert.match(stopped.stderr, /^100000 runs of 7 signers\nStopped\.\n$/)
})

test.run()
