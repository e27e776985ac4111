/** What a new cluster is made of, without its processes: timing, names of processes, ports. */
import { createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { timingFor } from '../../src/lib/cluster/create.js'
import { freePorts, isFree, portsFrom } from '../../src/lib/cluster/free-ports.js'
import { processName } from '../../src/lib/cluster/liars.js'
import { LOCAL_TIMING } from '../../src/lib/core/manifest.js'

test('timing: small clusters are snappy, larger ones have more time, up to a limit', () => {
  assert.equal(timingFor(4), LOCAL_TIMING)
  assert.equal(timingFor(16), LOCAL_TIMING)
  assert.is(timingFor(32).hopTimeoutMs, 2 * LOCAL_TIMING.hopTimeoutMs)
  assert.equal(timingFor(4096), timingFor(256))
  // What the manifest takes at most.
  assert.ok(timingFor(4096).hopTimeoutMs <= 60_000)
})

test('each signer is in one process, and the last one may hold fewer', () => {
  const names = (n: number, pack: number) => [...new Set(Array.from({ length: n }, (_, i) => processName(i, { pack, n, liars: [] })))]
  assert.equal(names(3, 1), ['0', '1', '2'])
  assert.equal(names(127, 32), ['0-31', '32-63', '64-95', '96-126'])
  assert.equal(names(5, 4), ['0-3', '4'])
  assert.equal(names(3, 9), ['0-2'])
})

test('ports: what is taken or in use is passed over, and named where it was asked for', async () => {
  const [first = 0, second = 0] = await freePorts(2, new Set(), 'ports')
  assert.ok(first < 32_768 && second < 32_768)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(first, '127.0.0.1', resolve))
  try {
    assert.not.ok(await isFree(first))
    const found = await freePorts(2, new Set([second]), 'ports')
    assert.not.ok(found.includes(first) || found.includes(second))
    const error = await portsFrom(first, 1).catch((refusal: Error) => refusal)
    assert.match(String(error), new RegExp(`port ${first} is in use`))
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
  assert.equal(await portsFrom(first, 1), [first])
})

test.run()
