// time limit: 300 s
/**
 * A signer that lies to peers, and real peer processes that it feeds: one that knows nobody else at first, one that hands on only what two signers report. Neither
 * applies anything that is not true, and both go on with honest signers.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LyingCluster } from './lying-cluster.js'

const LIAR = 0
const ALL = [0, 1, 2, 3]
/** Times that all honest signers are handed a transaction: so much is told to a peer that begins. */
const ROUNDS = 12

const cluster = new LyingCluster()

test.before(async () => {
  await cluster.lie(4, `${LIAR}:mislead-peers`)
  console.log(`lies follow from seed ${cluster.files.read().liars[0]?.seed}`)
  for (let i = 0; i < ROUNDS; i++) await cluster.put([1, 2, 3])
})

test.after(() => cluster.end())

/** The peer has what honest signers have, and says of no honest signer that it lied. */
async function assertTrue(index: number): Promise<void> {
  const { signers, peers } = await cluster.agree()
  const [peer, honest] = [peers[index], signers.find(({ lie }) => lie === null)]
  assert.equal([peer?.executed, peer?.orderDigest, peer?.machineDigest], [honest?.executed, honest?.orderDigest, honest?.machineDigest])
  assert.equal(
    peer?.suspicion.filter(({ signer }) => signer !== LIAR),
    [],
  )
  await cluster.verify(index)
}

test('a peer from nothing that knows the liar alone at first: nothing false is applied, the liar is left alone, others are asked', async () => {
  const executed = (await cluster.agree()).signers[1]?.executed ?? 0
  assert.ok(executed > 0)
  await cluster.awake([LIAR])
  const index = await cluster.addPeer(0)
  const misled = await cluster.peer(index, 'it does not believe the liar', ({ distrusted }) => distrusted.includes(LIAR))
  assert.ok(misled.suspicion.every(({ signer }) => signer === LIAR) && misled.suspicion.length > 0, JSON.stringify(misled.suspicion))
  assert.ok(misled.executed <= executed)
  await cluster.awake(ALL)
  await assertTrue(index)
})

test('with --confirm 2 a peer shows nothing that one signer alone reports', async () => {
  await cluster.awake([1])
  const index = await cluster.addPeer(2)
  await cluster.peer(index, 'it has derived all', ({ waiting, executed, behind }) => waiting + executed > 0 && behind === waiting)
  // By then it has been told as much: the report of one signer is enough for this one.
  const other = await cluster.addPeer(1)
  await cluster.peer(other, 'it has executed all', ({ executed, behind }) => executed > 0 && behind === 0)
  const { executed, waiting } = await cluster.peer(index, 'it answers', () => true)
  assert.is(executed, 0)
  assert.ok(waiting > 0)
  // The liar is no second one: what it reports is another log.
  await cluster.awake(ALL)
  for (const each of [index, other]) await assertTrue(each)
})

test('peers that follow while it goes on: the liar is seen through, and nothing is missing', async () => {
  for (let i = 0; i < ROUNDS / 2; i++) await cluster.put([1, 2, 3])
  await cluster.tempt()
  await cluster.put([1, 2, 3])
  await cluster.settle()
  for (const index of [0, 1, 2]) await assertTrue(index)
  assert.equal(cluster.evidence(), [])
})

test.run()
