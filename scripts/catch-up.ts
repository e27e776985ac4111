/**
 * Catch-up: `npm run catch-up -- --transactions 100000 --batch 100`. How long a peer that starts from nothing takes until it is level with a cluster that has
 * executed so much. The history is written into the signers' stores; the peer is a process of its own and fetches and verifies all of it. With `--from-snapshot`
 * another one begins from a snapshot beside it. Exit code 0: it was level within the limit, with the signers' digests; 1: not; 2: wrong usage. Ctrl-C leaves nothing
 * running.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Id } from '../src/lib/base/bytes.js'
import { SeededRandom } from '../src/lib/base/prng.js'
import type { ClusterFolder } from '../src/lib/cluster/cluster-folder.js'
import { freePorts } from '../src/lib/cluster/free-ports.js'
import { launch, processGroups } from '../src/lib/cluster/launch.js'
import type { StartedProcess } from '../src/lib/cluster/processes.js'
import { clusterStatus } from '../src/lib/cluster/status.js'
import { writeHistory } from './catch-up/history.js'
import { measureSnapshotPeer } from './catch-up/snapshot-peer.js'
import { OwnCluster } from './chaos/own-cluster.js'

const { values } = parseArgs({
  options: {
    n: { type: 'string', short: 'n', default: '4' },
    transactions: { type: 'string', default: '100000' },
    batch: { type: 'string', default: '100' },
    confirm: { type: 'string', default: '0' },
    limit: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    /** Measures a second peer, that begins from a snapshot, and the ratio of the two. */
    'from-snapshot': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** Leaves the cluster's files, with the peer's log, where they are. */
    keep: { type: 'boolean', default: false },
  },
})

function number(name: 'n' | 'transactions' | 'batch' | 'confirm' | 'limit', least: number, most: number): number {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= least && value <= most) return value
  process.stderr.write(`Error: --${name} ${values[name]} is no whole number from ${least} to ${most}\n`)
  process.exit(2)
}

/** Milliseconds since 1970 of the first line of a log that says this. */
function timeOf(log: string, message: string): number {
  const line = log.split('\n').find((text) => text.includes(`"msg":"${message}"`))
  return line === undefined ? Number.NaN : Date.parse(JSON.parse(line).time)
}

async function measure(cluster: OwnCluster) {
  const [n, transactions, perBatch] = [number('n', 1, 31), number('transactions', 1, 10_000_000), number('batch', 1, 1024)]
  const confirm = number('confirm', 0, n)
  const told = (line: string) => process.stderr.write(`${line}\n`)
  await cluster.up(['-n', String(n), '--machine', 'documents', '--delta', '0'])
  await cluster.down()
  const writing = performance.now()
  const batches = await writeHistory(cluster.folder, { transactions, perBatch, random: new SeededRandom(values.seed) })
  told(`${transactions} transactions in ${batches} batches written in ${seconds(performance.now() - writing)} s`)
  const starting = performance.now()
  await startSigners(cluster.folder, batches)
  told(`signers have it after ${seconds(performance.now() - starting)} s`)
  const begun = performance.now()
  await cluster.up(['--peers', '1', ...(confirm > 0 ? ['--confirm', String(confirm)] : [])])
  const commandMs = performance.now() - begun
  const { signers, peers } = await clusterStatus(cluster.folder)
  const [signer, peer] = [signers[0], peers[0]]
  const isAlike = peer?.orderDigest === signer?.orderDigest && peer?.machineDigest === signer?.machineDigest && peer?.executed === batches
  const log = readFileSync(cluster.folder.resolve('logs/peer-0.log'), 'utf8')
  const levelMs = timeOf(log, 'level with the signers') - timeOf(log, 'peer started')
  const processor = await processorSeconds(peer?.url ?? '')
  const snapshot = values['from-snapshot']
    ? await fromSnapshot(cluster.folder, { levelMs, orderDigest: signer?.orderDigest, machineDigest: signer?.machineDigest })
    : null
  return {
    snapshot,
    processorSeconds: processor,
    n,
    transactions,
    batches,
    confirm,
    levelMs,
    commandMs: Math.round(commandMs),
    transactionsPerSecond: Math.round(transactions / (levelMs / 1000)),
    isAlike,
  }
}

/** The same for a peer that begins from a snapshot, once it is seen how long the other one takes. */
async function fromSnapshot(
  folder: ClusterFolder,
  other: { levelMs: number; orderDigest: Id | null | undefined; machineDigest: Id | null | undefined },
) {
  const [port] = await freePorts(1, new Set(), 'snapshot peer')
  const { levelMs, fetchedMs, confirmedMs, status } = await measureSnapshotPeer(folder, port ?? 0)
  const isAlike = status.orderDigest === other.orderDigest && status.machineDigest === other.machineDigest
  return { levelMs, fetchedMs, confirmedMs, timesFaster: other.levelMs / levelMs, isAlike }
}

/** Starts the signers and waits until they have read all of it, however long that takes them. */
async function startSigners(folder: ClusterFolder, batches: number): Promise<void> {
  const record = folder.read()
  const started: StartedProcess[] = []
  await launch(folder, record, [...processGroups(record).keys()], started)
  for (let late = record.n; late > 0; ) {
    if (started.some(({ ended }) => ended)) throw new Error('a signer ended')
    await sleep(500)
    const { signers } = await clusterStatus(folder)
    late = signers.filter(({ executed, state }) => executed !== batches || state !== 'ready').length
  }
}

/** Seconds of processor time that the peer has used. */
async function processorSeconds(url: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', url))).text()
  return Number(/^process_cpu_seconds_total\{[^}]*\} (\S+)$/m.exec(text)?.[1])
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}

const limit = number('limit', 1, 3600)
const cluster = new OwnCluster()
let broken = false
const stop = () => {
  broken = true
}
process.once('SIGINT', stop).once('SIGTERM', stop)
try {
  const figures = await measure(cluster)
  const isWithin = figures.isAlike && figures.levelMs <= limit * 1000
  if (values.json) process.stdout.write(`${JSON.stringify({ schema: 1, ...figures, isWithin })}\n`)
  else
    process.stdout.write(
      `A peer from nothing was level after ${seconds(figures.levelMs)} s: ${figures.transactions} transactions in ${figures.batches} batches, ${figures.transactionsPerSecond} a second` +
        `, ${figures.processorSeconds.toFixed(1)} s of processor time (the command took ${seconds(figures.commandMs)} s)${figures.isAlike ? '' : '; but its digests are not those of the signers'}\n`,
    )
  const { snapshot } = figures
  if (snapshot && !values.json)
    process.stdout.write(
      `From a snapshot it takes ${seconds(snapshot.levelMs)} s (fetched after ${seconds(snapshot.fetchedMs)} s, confirmed after ${seconds(snapshot.confirmedMs)} s): ` +
        `${snapshot.timesFaster.toFixed(1)} times faster${snapshot.isAlike ? '' : '; but its digests are not those of the signers'}\n`,
    )
  process.exitCode = isWithin && snapshot?.isAlike !== false && !broken ? 0 : 1
} finally {
  await cluster.end(values.keep)
  if (values.keep) process.stderr.write(`kept: ${cluster.home}\n`)
}
