// time limit: 300 s
/** `musig bench`: on a cluster of its own, on one that stands, and what it refuses. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BenchResult, bench, measuredCluster } from '../../src/lib/bench/bench.js'
import { benchRows } from '../../src/lib/bench/bench-text.js'
import { BENCH_DEFAULTS, type BenchSettings } from '../../src/lib/bench/settings.js'
import { LiveCluster } from './live-cluster.js'
import { jsonOf } from './musig.js'

const cluster = new LiveCluster()
const SHORT = ['--seconds', '0.5', '--warm-up', '0.2']
test.before(() => cluster.up('documents'))
test.after(() => cluster.end())

function controlled(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

test('on a cluster that stands: figures, floors, a drawing', async () => {
  const svg = join(cluster.home, 'latency.svg')
  const result = (await cluster.document(['bench', ...SHORT, '--clients', '8', '--group', '5', '--svg', svg])) as unknown as BenchResult
  assert.equal([result.n, result.machine, result.settings.group, result.settings.entries], [4, 'documents', 5, 4])
  assert.ok(result.executed >= 40 && result.refused === 0)
  assert.equal(result.errors, {})
  const { p50, p99, max } = result.latencyMs
  assert.ok(p50 > 0 && p50 <= p99 && p99 <= max + 1)
  assert.equal([result.interrupted, result.usageFault], [false, null])
  const batches = result.batches?.count ?? 0
  assert.ok(batches > 0 && (result.batches?.transactions ?? 0) > 0 && (result.perSigner?.sentBytesPerTransaction ?? 0) > 0)
  const { cores, ...floors } = result.floors
  assert.ok(cores > 0 && Object.values(floors).every((value) => value === 'blst' || value === 'noble' || Number(value) > 0))
  assert.match(readFileSync(svg, 'utf8'), /^<svg[\s\S]*transactions a second/)
  // What was measured is what the cluster has executed.
  const status = (await cluster.document(['cluster', 'status'])) as { signers: { executed: number }[] }
  assert.ok((status.signers[0]?.executed ?? 0) >= batches)
})

test('on one of its own, of which nothing is left', async () => {
  // Other tests measure clusters of their own at the same time.
  const { TMPDIR } = process.env
  const own = mkdtempSync(join(tmpdir(), 'musig-test-'))
  process.env['TMPDIR'] = own
  try {
    const { stdout } = await cluster.good(['bench', '-n', '1', ...SHORT, '--clients', '4', '--rate', '40', '--conflicts', '1'])
    assert.match(stdout, /executed +\d/)
    assert.match(stdout, /this machine +\d+ cores/)
    assert.equal(readdirSync(own), [])
  } finally {
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
    rmSync(own, { recursive: true, force: true })
  }
})

test('broken off while it measures: at once, with the figures until then', async () => {
  const { signal, abort } = controlled()
  const say = (detail: string) => {
    if (detail.startsWith('measuring')) setTimeout(abort, 700)
  }
  const settings: BenchSettings = { ...BENCH_DEFAULTS, seconds: 3600, warmUp: 0, clients: 4, entries: 4, seed: 'off' }
  const result = await bench(measuredCluster(cluster.home, 'default'), settings, signal, say)
  assert.ok(result.interrupted && result.executed > 0 && result.seconds < 60)
  assert.ok(benchRows(result).some(([what]) => what === 'broken off'))
})

test('broken off before: nothing was measured, and it says so by rejecting', async () => {
  const { signal, abort } = controlled()
  const settings: BenchSettings = { ...BENCH_DEFAULTS, seconds: 0.1, warmUp: 3600, clients: 4, entries: 4, seed: 'off' }
  let error: unknown
  await bench(measuredCluster(cluster.home, 'default'), settings, signal, (detail) => {
    if (detail.startsWith('warming')) setTimeout(abort, 100)
  }).catch((reason: unknown) => {
    error = reason
  })
  assert.ok(error instanceof Error && error.name === 'AbortError', String(error))
})

test('a drawing that cannot be written does not take the figures with it', async () => {
  const outcome = await cluster.musig(['bench', ...SHORT, '--clients', '4', '--svg', join(cluster.home, 'no', 'folder.svg'), '--json'])
  assert.is(outcome.code, 2)
  assert.match(outcome.stderr, /^Warning: cannot write .*folder\.svg/m)
  assert.ok(Number(jsonOf(outcome)['executed']) > 0)
})

test('what it refuses', async () => {
  await cluster.refused(['bench', '--cluster', 'nowhere'], 2, 'NOT_FOUND', /no cluster “nowhere”/)
  await cluster.refused(['bench', '--entries', '9'], 2, 'BAD_INPUT', /--entries 9: the cluster has 4 signers/)
  await cluster.refused(['bench', '--conflicts', '1.5'], 2, 'BAD_INPUT', /--conflicts.*“1.5” is not a number from 0 to 1/)
  await cluster.refused(['bench', '--seconds', '-1'], 2, 'BAD_INPUT', /--seconds/)
  await cluster.refused(['bench', '--machine', 'ledger'], 2, 'BAD_INPUT', /--count/)
  await cluster.refused(['bench', '-n', '2', '--cluster', 'x'], 2, 'BAD_INPUT', /--cluster/)
})

test.run()
