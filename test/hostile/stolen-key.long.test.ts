// alone
// time limit: 1800 s
/**
 * A signer process of a real cluster, one of whose signers is down while another holds its key: what it does with links costs the honest little, and whoever is
 * dialled in vain is dialled ever more rarely.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LINK_CAPS, LINK_TIMING } from '../../src/lib/node/transport-options.js'
import { putDocument } from '../node/cluster-fixture.js'
import { until } from '../until.js'
import { Ongoing, type Target } from './attacks.js'
import { FalseAcceptor, LINK_ATTACKS, SlowReader } from './key-thief.js'
import { SignerProcesses } from './processes.js'
import { ENTITLED, type Findings, hardlyNoticed, latencies, measured, targetOf, told } from './under-attack.js'

/** Four are a quorum: without the robbed one everything commits. */
const N = 5
const TARGET = 3
const ROBBED = 0
const HONEST = [1, 2, 4]
const EFFORT = { rounds: 8, samples: 8, leastMs: 1000 }
const WATCHED_MS = 30_000

let cluster: SignerProcesses
let target: Target

test.before(async () => {
  cluster = await SignerProcesses.start(N, 'stolen-key')
  target = await targetOf(cluster, TARGET, ROBBED)
  await cluster.kill(cluster.signer(ROBBED))
  await latencies(cluster, TARGET, { rounds: 1, samples: 100, leastMs: 0 })
})
test.after(() => cluster?.end())

/** What holds under each of these attacks. */
async function check(name: string, findings: Findings): Promise<void> {
  console.log(told(name, findings))
  assert.ok(
    findings.outcomes.every(({ opened }) => opened > 0),
    'no link was opened',
  )
  assert.is(cluster.signer(TARGET).child.exitCode, null, 'the signer has ended')
  const { connected } = await cluster.client.status({ from: TARGET })
  assert.equal(
    connected.filter((signer) => signer !== ROBBED),
    HONEST,
  )
  assert.ok(findings.growthMib < ENTITLED.growthMib, `${findings.growthMib} MiB more`)
  hardlyNoticed(name, findings, ENTITLED)
}

for (const attack of LINK_ATTACKS)
  test(attack.name, async () => {
    const findings = await measured(cluster, () => new Ongoing(attack, target), TARGET, EFFORT)
    await check(attack.name, findings)
    for (const { endings, longestMs } of findings.outcomes) {
      for (const [ending, count] of endings) assert.match(ending, attack.ends, `${count} × “${ending}”`)
      assert.ok(longestMs < attack.withinMs, `one lived ${Math.round(longestMs)} ms`)
    }
  })

test('slow reader on a link: what waits for it is capped, and the rest is dropped', async () => {
  const ids: string[] = []
  for (let i = 0; i < 80; i++) {
    const transaction = putDocument(cluster.files.manifest, `large-${i}`, 'x'.repeat(240_000))
    const { batchId } = await cluster.client.submit(transaction, { to: TARGET, timeoutMs: 60_000 })
    if (batchId) ids.push(batchId)
  }
  let queued = 0
  let looking: Promise<void> | undefined
  const look = setInterval(() => {
    looking ??= cluster.metric(TARGET, 'musig_send_queue_bytes').then((bytes) => {
      queued = Math.max(queued, bytes)
      looking = undefined
    })
  }, 200)
  try {
    const findings = await measured(cluster, () => new SlowReader(target, ids, 1000), TARGET, EFFORT)
    const dropped = await cluster.metric(TARGET, 'musig_link_dropped_full_total')
    console.log(`at most ${(queued / 2 ** 20).toFixed(1)} MiB wait; ${dropped} messages dropped`)
    assert.ok(dropped > 0, 'the queue was full')
    assert.ok(queued > 0 && queued < LINK_CAPS.linkQueueBytes + 2 ** 20, `${queued} bytes wait`)
    await check('slow reader', findings)
  } finally {
    clearInterval(look)
    await looking
  }
})

test('one that takes dials and cuts them is dialled ever more rarely, with jitter', async () => {
  const gone = N - 1
  cluster.signers[ROBBED] = cluster.run(cluster.config(ROBBED))
  await until('all are linked', () => cluster.linked(), 60_000)
  // A link that was steady starts the back-off from its first wait.
  await sleep(2500)
  await cluster.kill(cluster.signer(gone))
  const acceptor = new FalseAcceptor()
  try {
    await acceptor.listen(cluster.address(gone))
    await sleep(WATCHED_MS)
  } finally {
    acceptor.close()
  }
  const { backOffFirstMs, backOffLastMs } = LINK_TIMING
  const atLast: number[] = []
  for (let dialler = 0; dialler < gone; dialler++) {
    const times = acceptor.dials.get(dialler) ?? []
    const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0))
    console.log(`signer ${dialler} waited ${waits.map((wait) => Math.round(wait)).join(' ')} ms`)
    assert.ok(times.length > 3, `signer ${dialler} dialled ${times.length} times`)
    // Seven waits lead to the longest; each is half as long at least as it could be, and those at the end 2.5 s.
    assert.ok(times.length <= 8 + WATCHED_MS / (backOffLastMs / 2), `signer ${dialler} dialled ${times.length} times`)
    assert.ok(Math.min(...waits) >= backOffFirstMs / 2)
    atLast.push(...waits.slice(-2))
  }
  assert.ok(Math.min(...atLast) > backOffLastMs / 2 - 50, `${atLast}`)
  const spread = Math.max(...atLast) - Math.min(...atLast)
  assert.ok(spread > backOffLastMs / 20, `they wait for ${atLast.map(Math.round)} ms, all alike`)
})

test.run()
