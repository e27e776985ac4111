// time limit: 400 s
/** Changes of the signers, as processes, with liars: one that is thrown out, and one that stays and says again what was said before. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Changed } from '../../src/lib/cluster/change.js'
import { transferPayload } from '../../src/lib/machine/ledger.js'
import { jsonOf } from '../commands/musig.js'
import { bench, cluster, Load, opened, sameAt, transactionOf } from './changing.js'

test.after(async () => {
  for (const name of ['liar', 'replay']) await bench.musig(['cluster', 'rm', '--cluster', name])
  bench.remove()
})

test('a liar is evicted: the others go on, and it is nobody', async () => {
  const { client, clusterId } = await opened('liar', '-n', '5', '--byzantine', '2:equivocate')
  const { epoch } = await cluster<Changed>('evict', '2', '--cluster', 'liar')
  assert.is(epoch, 1)
  const result = await client.submit(transactionOf(clusterId, transferPayload('a', 'b', 1)), { to: 0, timeoutMs: 60_000 })
  assert.is(result.status, 'executed')
  await sameAt(client, [0, 1, 3, 4], [result])
  client.close()
})

test('what was said in the old epoch is said again in the new one by a liar that stays: it changes nothing, and names nobody honest', async () => {
  const { client, clusterId } = await opened('replay', '-n', '6', '--byzantine', '4:replay-any')
  // The first four: the liar may take what it is given, or not.
  const load = new Load(client, clusterId, 4)
  await load.grows(15)
  const { epoch } = await cluster<Changed>('evict', '5', '--cluster', 'replay')
  assert.is(epoch, 1)
  await load.grows(25)
  await load.end()
  await sameAt(client, [0, 1, 2, 3], load.told)
  const { evidence } = (await bench.musig(['inspect', 'faults', '--cluster', 'replay', '--json']).then(jsonOf)) as {
    evidence: { signers: number[] }[]
  }
  assert.equal(
    evidence.flatMap(({ signers }) => signers).filter((signer) => signer !== 4),
    [],
  )
  client.close()
})

test.run()
