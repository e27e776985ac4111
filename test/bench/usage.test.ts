/** Reading what signers have used: one that is busy is asked again, and figures that were measured are not lost where one never answers. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'hdr-histogram-js'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { resultOf } from '../../src/lib/bench/bench.js'
import { benchRows } from '../../src/lib/bench/bench-text.js'
import { BENCH_DEFAULTS } from '../../src/lib/bench/settings.js'
import { usageOf } from '../../src/lib/bench/usage.js'
import type { Manifest } from '../../src/lib/core/manifest.js'

const NEVER = new AbortController().signal
const METRICS =
  'process_cpu_seconds_total 2\nmusig_batches_total{path="fast"} 3\nmusig_batches_total{path="slow"} 1\nmusig_store_append_seconds_count 5\n'
const servers: Server[] = []
test.after(() => {
  for (const server of servers) server.close().closeAllConnections()
})

/** A signer that fails so often before it answers: without an answer, with an error, by ending the connection. */
async function signer(failures: number): Promise<{ address: string; asked: () => number }> {
  let asked = 0
  const server = createServer((_, response) => {
    const number = asked++
    if (number >= failures) response.end(METRICS)
    else if (number % 2 === 0) response.destroy()
    else response.writeHead(503).end('busy')
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked }
}

test('one that does not answer well is asked again until it does', async () => {
  const [calm, busy] = [await signer(0), await signer(3)]
  const usage = await usageOf([calm.address, busy.address], { signal: NEVER })
  assert.equal([usage.cpuSeconds, usage.batches, usage.fastBatches, usage.appends], [4, 4, 3, 10])
  assert.equal([calm.asked(), busy.asked()], [1, 4])
})

test('one that never does is named, once the time is over or the user has enough', async () => {
  const { address } = await signer(Number.POSITIVE_INFINITY)
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 100)
  for (const patience of [{ signal: NEVER, withinMs: 600 }, { signal: controller.signal }]) {
    const error = await usageOf([address], patience).catch((reason: unknown) => reason)
    assert.ok(error instanceof MusigError && error.code === 'UNREACHABLE', String(error))
    assert.match(String(error), address)
  }
})

test('what was measured is given without what the metrics would have told', () => {
  const latencies = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 })
  latencies.recordValue(4000)
  const result = resultOf({
    manifest: { n: 4, machine: 'documents' } as Manifest,
    settings: { ...BENCH_DEFAULTS, entries: 4, seed: 'test' },
    interrupted: false,
    driven: { ms: 500, executed: 1, refused: 0, fast: 1, errors: {}, latencies, phases: new Map() },
    used: new MusigError('UNREACHABLE', 'the metrics of the signer at X cannot be read'),
    floors: { cores: 2, bls: 'blst', blsSignMs: 1, blsVerifyMs: 1, ed25519VerifyMs: 1, sha256Ms: 1, roundTripMs: 1, durableWriteMs: 1 },
    clientCpuMs: 1,
  })
  assert.equal([result.perSecond, result.latencyMs.p50, result.batches, result.memoryBytes], [2, 4.001, null, null])
  const rows = new Map(benchRows(result))
  assert.match(rows.get('executed') ?? '', /2 a second/)
  assert.match(rows.get('batches, each signer') ?? '', /unknown: the metrics of the signer at X cannot be read/)
})

test.run()
