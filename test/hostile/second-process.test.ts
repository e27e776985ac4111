// alone
// time limit: 300 s
/** Two processes that hold one signer's key: the peers keep the older one and say so; one that only seems to be there is replaced at once. */
import { cpSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { transactionId } from '../../src/lib/core/transaction.js'
import { Client } from '../../src/lib/node/client.js'
import { putDocument, TOKEN } from '../node/cluster-fixture.js'
import { until } from '../until.js'
import { type Running, SignerProcesses } from './processes.js'

/** Four are a quorum. Signer 1 dials 2, 3 and 4; 0 dials it. */
const N = 5
const SIGNER = 1
const DIALLED = [2, 3, 4]
/** Far from the 6 s after which a silent link is given up anyway. */
const SOON_MS = 4000
const SECOND_SESSIONS = 'musig_link_second_sessions_total'
const SUSPICION = `signer ${SIGNER}'s key is in two processes`

let cluster: SignerProcesses

test.before(async () => {
  cluster = await SignerProcesses.start(N, 'second-process')
})
test.after(() => cluster?.end())

async function commit(to: number): Promise<void> {
  const { status } = await cluster.client.submit(putDocument(cluster.files.manifest, 'shared', { to }), { to, timeoutMs: 30_000 })
  assert.is(status, 'executed')
}

/** The sum over those that the signer dials. */
async function secondSessions(): Promise<number> {
  const counts = await Promise.all(DIALLED.map((from) => cluster.metric(from, SECOND_SESSIONS)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function suspicions(from: number): Promise<string[]> {
  return (await cluster.client.status({ from })).suspicion.map(({ reason }) => reason)
}

/** The signers to which a process is linked; none while it does not answer. */
async function linksOf(client: Client): Promise<number[] | undefined> {
  try {
    return (await client.status({ from: 0 })).connected
  } catch (error) {
    if (error instanceof MusigError && error.code === 'UNREACHABLE') return undefined
    throw error
  }
}

test('from another folder it gets no link and no vote counted; the first goes on, and peers count and suspect', async () => {
  await commit(SIGNER)
  const disconnects = () => Promise.all(cluster.files.addresses.map((_, from) => cluster.metric(from, 'musig_link_disconnects_total')))
  const before = await disconnects()
  const { config, address } = await cluster.copied(SIGNER)
  const copy = cluster.run(config)
  const its = new Client({ addresses: [address], token: TOKEN })
  try {
    await until('every dialled peer to notice', async () => {
      const counts = await Promise.all(DIALLED.map((from) => cluster.metric(from, SECOND_SESSIONS)))
      return counts.every((count) => count > 0)
    })
    const given = putDocument(cluster.files.manifest, 'shared', { by: 'the copy' })
    await its.submit(given, { timeoutMs: 1500 }).then(
      ({ status }) => assert.unreachable(`${status} through the copy`),
      (error: MusigError) => assert.is(error.code, 'NO_QUORUM', error.message),
    )
    assert.equal(await linksOf(its), [])
    for (let to = 0; to < N; to++) await commit(to)
    const txId = transactionId(cluster.files.manifest.clusterId, given)
    for (let from = 0; from < N; from++) {
      await cluster.client.show(txId, { from }).then(
        () => assert.unreachable(`signer ${from} knows what only the copy was given`),
        (error: MusigError) => assert.is(error.code, 'NOT_FOUND', error.message),
      )
    }
    for (const from of DIALLED) {
      assert.ok((await suspicions(from)).includes(SUSPICION), `signer ${from} suspects`)
      assert.ok((await cluster.metric(from, 'musig_suspicions_total', `suspect="${SIGNER}"`)) > 0)
    }
    assert.equal(await disconnects(), before, 'no link of the first was lost')
    assert.match(copy.output(), /another session of signer 1 is alive/, copy.output())
  } finally {
    its.close()
    await cluster.kill(copy)
  }
})

test('from the same folder it ends with one clear line', async () => {
  const { output, ended } = cluster.run(cluster.config(SIGNER))
  assert.is((await ended).code, 3)
  assert.match(output(), /^Error: the store in .* is in use by process \d+\n$/)
})

/** How long a process takes from its first answer until it is linked to these. */
async function linkedWithin(running: Running, address: string, wanted: readonly number[]): Promise<number> {
  const client = new Client({ addresses: [address] })
  let links: number[] | undefined
  try {
    await until('its first answer', async () => (await linksOf(client)) !== undefined)
    const begun = performance.now()
    await until(`links to ${wanted}`, async () => {
      links = await linksOf(client)
      return wanted.every((signer) => links?.includes(signer))
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it has ${links}: ${running.output()}`)
    })
    return performance.now() - begun
  } finally {
    client.close()
  }
}

test('one that was killed gets in at once, and nobody is suspected for it', async () => {
  const before = await secondSessions()
  for (let i = 0; i < 3; i++) {
    await cluster.kill(cluster.signer(SIGNER))
    const again = cluster.run(cluster.config(SIGNER))
    cluster.signers[SIGNER] = again
    const tookMs = await linkedWithin(again, cluster.address(SIGNER), [0, ...DIALLED])
    assert.ok(tookMs < SOON_MS, `${tookMs} ms`)
  }
  assert.is(await secondSessions(), before)
  await commit(SIGNER)
})

test('one whose old links seem open, as those of a lost machine, takes their place within a probe', async () => {
  const before = await secondSessions()
  const old = cluster.signer(SIGNER)
  const { config, address } = await cluster.copied(SIGNER)
  old.child.kill('SIGSTOP')
  // As if its store had moved with it.
  cpSync(cluster.config(SIGNER).store, config.store, { recursive: true, filter: (path) => !/LOCK$|signer\.pid$/.test(path) })
  const moved = cluster.run(config)
  const tookMs = await linkedWithin(moved, address, DIALLED)
  assert.ok(tookMs < SOON_MS, `${tookMs} ms`)
  assert.is(await secondSessions(), before, 'who does not answer is no second process')
  await cluster.kill(moved)
  await cluster.kill(old)
})

test.run()
