/**
 * Starts the peers of a cluster and waits until they are level with its signers. Owns what is said where one does not get there; signers are `launch.ts`.
 */
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import { Client } from '../node/client.js'
import type { PeerConfig } from '../node/peer-config.js'
import type { PeerStatusAnswer } from '../node/peer-status.js'
import { type ClusterFolder, type ClusterRecord, type PeerRecord, typedName, writeJson } from './cluster-folder.js'
import { ASK_MS, logOf, STALL_MS, StartFailed, setAsideLog, sleep } from './launch.js'
import { awakeProcesses, type StartedProcess, startProcess } from './processes.js'

const LOOK_MS = 50

/** The name of a peer's process: `peer-0`. */
export function peerProcessName({ index }: Pick<PeerRecord, 'index'>): string {
  return `peer-${index}`
}

/** Records of new peers on these ports, numbered from `first` on. */
export function peersAt(ports: readonly number[], first: number, { confirm, sinks }: Pick<PeerRecord, 'confirm' | 'sinks'>): PeerRecord[] {
  return ports.map((port, i) => {
    const index = first + i
    const name = peerProcessName({ index })
    return { index, name, url: `http://127.0.0.1:${port}`, store: `peers/${index}`, log: `logs/${name}.log`, confirm, sinks, pid: null }
  })
}

/** Errors: `BAD_INPUT` on peers that could not run. */
export function checkPeers(
  count: number,
  { confirm, sinks }: { confirm?: number | undefined; sinks?: readonly string[] | undefined },
  quorum: number,
): void {
  if (count > LIMITS.peers) throw new MusigError('BAD_INPUT', `--peers ${count}: a signer serves ${LIMITS.peers} peers at most`)
  if (count === 0 && sinks?.length) throw new MusigError('BAD_INPUT', '--sink is for peers; say how many with --peers K')
  if (confirm === undefined) return
  if (count === 0) throw new MusigError('BAD_INPUT', `--confirm ${confirm} is for peers; say how many with --peers K`)
  if (confirm > quorum)
    throw new MusigError('BAD_INPUT', `--confirm ${confirm} is more than the quorum of ${quorum}: so many signers may never agree`)
}

/** Starts these peers, all at once. `started` grows as they do. The record gets their numbers. */
export async function launchPeers(
  folder: ClusterFolder,
  record: ClusterRecord,
  peers: readonly PeerRecord[],
  started: StartedProcess[],
): Promise<void> {
  for (const peer of peers) {
    const name = peerProcessName(peer)
    const config: PeerConfig = {
      manifest: folder.resolve(record.manifest),
      addresses: folder.resolve(record.addresses),
      store: folder.resolve(peer.store),
      api: peer.url,
      machineFile: folder.machineFile() ?? null,
      confirm: peer.confirm,
      follow: null,
      // What signers have pruned they can give no peer.
      fromSnapshot: record.snapshotEvery > 0,
      name: String(typedName({ peer: peer.index })),
      sinks: peer.sinks,
    }
    await writeJson(`${folder.processesFolder}/${name}.json`, config)
    const log = folder.resolve(peer.log)
    setAsideLog(log)
    const process = await startProcess(folder, name, log)
    started.push(process)
    peer.pid = process.pid
  }
  await folder.write(record)
}

/** What is waited for. */
export interface Levelling {
  started: readonly StartedProcess[]
  signal: AbortSignal
  /** Hears how many are level. */
  told: (level: number) => void
}

/** Waits until all peers that were started are level with the signers; where no signer runs, until they answer. Errors: `StartFailed` with the one that ended or does not get there; the signal's. */
export async function awaitLevel(folder: ClusterFolder, record: ClusterRecord, { started, signal, told }: Levelling): Promise<void> {
  const names = new Map(started.map((process) => [process.name, process]))
  const waiting = new Map(
    record.peers.flatMap((peer) => (names.has(peerProcessName(peer)) ? [[peer, names.get(peerProcessName(peer))] as const] : [])),
  )
  const total = waiting.size
  const peerNames = new Set(record.peers.map(peerProcessName))
  const isLed = (await awakeProcesses(folder)).some(({ name }) => !peerNames.has(name))
  const client = new Client({ addresses: record.signers.map(({ url }) => url), peers: record.peers.map(({ url }) => url) })
  const executed = new Map<PeerRecord, number>()
  let deadline = performance.now() + STALL_MS
  try {
    while (waiting.size > 0) {
      signal.throwIfAborted()
      const sum = [...executed.values()].reduce((all, count) => all + 1 + count, 0)
      for (const [peer, process] of waiting) {
        if (process?.ended) throw failure(folder, peer, 'ended while it started')
        const status = await peerStatusOf(client, record, peer)
        if (status) executed.set(peer, status.executed + (status.beginning?.bytes ?? 0) + (status.beginning?.confirmed ?? 0))
        if (status && (isLevelNow(status) || !isLed)) waiting.delete(peer)
      }
      told(total - waiting.size)
      if ([...executed.values()].reduce((all, count) => all + 1 + count, 0) > sum) deadline = performance.now() + STALL_MS
      const [late] = waiting.keys()
      if (late && performance.now() > deadline)
        throw failure(folder, late, `is not level with the signers, and nothing has gone forward for ${STALL_MS / 1000} s`)
      if (waiting.size > 0) await sleep(LOOK_MS)
    }
  } finally {
    client.close()
  }
}

/** What a peer says about itself, or nothing where it does not answer, or somebody else does. */
export async function peerStatusOf(client: Client, record: ClusterRecord, { index }: PeerRecord): Promise<PeerStatusAnswer | undefined> {
  try {
    const status = await client.peerStatus(index, { timeoutMs: ASK_MS })
    return status.role === 'peer' && status.clusterId === record.id ? status : undefined
  } catch {
    return undefined
  }
}

function isLevelNow({ behind, behindMs }: PeerStatusAnswer): boolean {
  return behind === 0 && behindMs === 0
}

function failure(folder: ClusterFolder, peer: PeerRecord, what: string): StartFailed {
  const { path, lastLines, said } = logOf(folder, peer.log)
  return new StartFailed(`peer ${peer.index} ${what}${said}; its log is ${path}`, path, lastLines)
}
