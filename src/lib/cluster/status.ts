/** What a cluster, its signers and its peers are doing now: from its files, from the processes that run, and from what each says. */
import { toHex } from '../base/bytes.js'
import { Client } from '../node/client.js'
import { isMachineFile } from '../node/machine-file.js'
import type { MachineReport } from '../node/machine-watch.js'
import type { PeerHealth } from '../node/peer-status.js'
import type { StatusAnswer } from '../node/signer-status.js'
import type { SinkStatus } from '../node/sinks/feed.js'
import type { Suspicion } from '../node/suspicions.js'
import { type ClusterFolder, type ClusterRecord, clustersOf, type PeerRecord } from './cluster-folder.js'
import { processGroups, statusOf } from './launch.js'
import { peerProcessName, peerStatusOf } from './launch-peers.js'
import { lieOf, processName } from './liars.js'
import { type Agreement, agreementOf, type Member } from './machine-agreement.js'
import { type NetworkState, networkOf } from './network.js'
import { isPaused, isPeer, processesOf } from './processes.js'

/**
 * `evicted`: it is no signer of the cluster any more; `joining`: it is none yet and follows; `ready`: it reaches a quorum; `no quorum`: it runs and does not; `follows`: records of it are lost, it signs nothing; `compares`: it came back and has not seen yet that others have the same order, it signs nothing; `left behind`: it lacks what all others have pruned; `partitioned`: it does not because it was cut off from others; `paused`: its process was stopped
 * by a signal; `silent`: its process is there and does not answer.
 */
type SignerState =
  | 'ready'
  | 'no quorum'
  | 'follows'
  | 'compares'
  | 'left behind'
  | 'evicted'
  | 'joining'
  | 'partitioned'
  | 'paused'
  | 'silent'
  | 'down'

/** One signer, as `cluster status --json` prints it. */
interface SignerStatus {
  index: number
  name: string
  publicKey: string
  url: string
  pid: number | null
  state: SignerState
  /** The epoch that it is in; null while it does not answer. */
  epoch: number | null
  /** Its index in the manifest of the cluster's epoch; null: it was evicted. */
  seat: number | null
  evictedIn: number | null
  /** What it was told to do instead of keeping to the protocol; null of an honest one. */
  lie: string | null
  executed: number | null
  orderDigest: string | null
  machineDigest: string | null
  /** What it has seen of its state machine: failures, and transactions that took long. */
  machine: MachineReport | null
}

/** As of a peer: level with the signers or behind them, without a link to any, or lacking what all of them have pruned; otherwise as of a signer. */
type PeerState = PeerHealth | 'paused' | 'silent' | 'down'

/** One peer, as `cluster status --json` prints it. */
interface PeerStatus {
  index: number
  name: string
  url: string
  pid: number | null
  state: PeerState
  confirm: number
  executed: number | null
  /** How many executed batches fewer than signers have, and since when in milliseconds. */
  behind: number | null
  behindMs: number | null
  orderDigest: string | null
  machineDigest: string | null
  machine: MachineReport | null
  /** What it has seen of signers. */
  suspicion: Suspicion[]
  /** How its sinks do; none while it does not answer. */
  sinks: SinkStatus[]
}

/** A cluster, as `cluster status --json` prints it. */
export interface ClusterStatus {
  cluster: string
  id: string
  epoch: number
  n: number
  quorum: number
  crashBound: number
  asyncByzantineBound: number
  syncByzantineBound: number
  /** Δ of the synchrony guard, milliseconds; 0: off. */
  deltaMs: number
  /** Whether a quorum of signers can commit. */
  ready: boolean
  signers: SignerStatus[]
  peers: PeerStatus[]
  /** The state machine by its name, and whether all made the same of what they executed; nobody is compared where it is a built-in one. */
  machine: { name: string } & Agreement
  /** What was put on its network on purpose. */
  network: NetworkState
}

/** A line of `cluster list`. */
export interface ClusterSummary {
  cluster: string
  id: string | null
  n: number | null
  /** Signers whose processes run. */
  running: number
  createdAt: string | null
  folder: string
}

/** The state of a cluster. Errors: `NOT_FOUND`, and those of damaged files. */
export async function clusterStatus(folder: ClusterFolder): Promise<ClusterStatus> {
  const record = folder.read()
  const manifest = folder.manifest(record)
  const { n, quorum, crashBound, asyncByzantineBound, syncByzantineBound, deltaMs, machine } = manifest
  const seats = new Map(manifest.signers.map(({ publicKey }, seat) => [toHex(publicKey), seat]))
  const running = new Map((await processesOf(folder)).map(({ name, pid }) => [name, pid]))
  const client = new Client({ addresses: record.signers.map(({ url }) => url), peers: record.peers.map(({ url }) => url) })
  try {
    const asked = Promise.all(record.peers.map((peer) => statusOfPeer(client, record, peer, running.get(peerProcessName(peer)) ?? null)))
    const signers = await Promise.all(
      record.signers.map(async (signer): Promise<SignerStatus> => {
        const pid = running.get(processName(signer.index, record)) ?? null
        const paused = pid !== null && (await isPaused(pid))
        const status = pid === null || paused ? undefined : await statusOf(client, signer)
        return {
          index: signer.index,
          name: signer.name,
          publicKey: toHex(signer.publicKey),
          url: signer.url,
          pid,
          state: stateOf(pid !== null, paused, status, signer.evictedIn !== null),
          epoch: status?.epoch ?? null,
          seat: seats.get(toHex(signer.publicKey)) ?? null,
          evictedIn: signer.evictedIn,
          lie: lieOf(signer.index, record)?.strategy ?? null,
          executed: status?.executed ?? null,
          orderDigest: status?.orderDigest ?? null,
          machineDigest: status?.machineDigest ?? null,
          machine: status?.machine ?? null,
        }
      }),
    )
    const ready = signers.filter(({ state }) => state === 'ready').length >= quorum
    const bounds = { n, quorum, crashBound, asyncByzantineBound, syncByzantineBound, deltaMs }
    const peers = await asked
    const agreement = await agreementIn(client, machine, signers, peers)
    return {
      cluster: record.name,
      id: record.id,
      epoch: manifest.epoch,
      ...bounds,
      ready,
      signers,
      peers,
      machine: { name: machine, ...agreement },
      network: networkOf(folder),
    }
  } finally {
    client.close()
  }
}

async function statusOfPeer(client: Client, record: ClusterRecord, peer: PeerRecord, pid: number | null): Promise<PeerStatus> {
  const { index, name, url, confirm } = peer
  const paused = pid !== null && (await isPaused(pid))
  const status = pid === null || paused ? undefined : await peerStatusOf(client, record, peer)
  return {
    ...{ index, name, url, pid, confirm },
    state: pid === null ? 'down' : paused ? 'paused' : (status?.health ?? 'silent'),
    executed: status?.executed ?? null,
    behind: status?.behind ?? null,
    behindMs: status?.behindMs ?? null,
    orderDigest: status?.orderDigest ?? null,
    machineDigest: status?.machineDigest ?? null,
    machine: status?.machine ?? null,
    suspicion: status?.suspicion ?? [],
    sinks: status?.sinks ?? [],
  }
}

/** Whether those that answer made the same of what they executed. */
async function agreementIn(client: Client, machine: string, signers: readonly SignerStatus[], peers: readonly PeerStatus[]): Promise<Agreement> {
  if (!isMachineFile(machine)) return agreementOf([])
  const members: Member[] = [
    ...signers.flatMap(({ index, machineDigest }) => (machineDigest === null ? [] : [{ signer: index }])),
    ...peers.flatMap(({ index, machineDigest }) => (machineDigest === null ? [] : [{ peer: index }])),
  ]
  const histories = await Promise.all(
    members.map(async (member) => {
      // Whoever has ended meanwhile is not compared.
      const history = await client.machineHistory({ from: 'signer' in member ? member.signer : member }).catch(() => undefined)
      return history ? [{ member, history }] : []
    }),
  )
  return agreementOf(histories.flat())
}

function stateOf(runs: boolean, paused: boolean, status: StatusAnswer | undefined, isEvicted: boolean): SignerState {
  // Whether it runs or not: it is none of the cluster's signers any more.
  if (isEvicted) return 'evicted'
  if (!runs) return 'down'
  if (paused) return 'paused'
  if (!status) return 'silent'
  if (status.health !== 'no quorum') return status.health
  return status.faults.some(({ cut }) => cut) ? 'partitioned' : 'no quorum'
}

/** All clusters of a home. One whose file is damaged is named all the same. */
export async function listClusters(home: string): Promise<ClusterSummary[]> {
  return Promise.all(
    clustersOf(home).map(async (folder) => {
      const names = new Set((await processesOf(folder)).flatMap(({ name }) => (isPeer(name) ? [] : [name])))
      const blank = { cluster: folder.name, id: null, n: null, running: names.size, createdAt: null, folder: folder.path }
      try {
        const record = folder.read()
        const running = [...processGroups(record)].reduce((sum, [name, signers]) => sum + (names.has(name) ? signers.length : 0), 0)
        return { ...blank, id: record.id, n: record.n, running, createdAt: record.createdAt }
      } catch {
        return blank
      }
    }),
  )
}
