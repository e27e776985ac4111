/**
 * Starts the missing processes of a cluster and waits until it takes transactions. Owns what "ready" means, what happens to those that were started when one
 * fails or the user breaks off (they end), and what is said about the failure.
 */
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs'
import { toHex } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { Client } from '../node/client.js'
import type { SignerConfig } from '../node/signer-config.js'
import type { StatusAnswer } from '../node/signer-status.js'
import { type ClusterFolder, type ClusterRecord, type SignerRecord, seatedSigners, writeJson } from './cluster-folder.js'
import { isFree } from './free-ports.js'
import { lieOf, processName } from './liars.js'
import { type ClusterFaults, faultsOf, isReachable, readFaults } from './network-faults.js'
import { awakeProcesses, type StartedProcess, startProcess, stopProcesses } from './processes.js'

/** A signer or a peer did not start. The message is one line; `lastLines` are those of its log. */
export class StartFailed extends MusigError {
  readonly log: string
  readonly lastLines: readonly string[]

  constructor(message: string, log: string, lastLines: readonly string[]) {
    super('UNREACHABLE', message)
    this.log = log
    this.lastLines = lastLines
  }
}

/** How long nothing may go forward, no answer and no link more, before a start has failed: a busy machine is slow, but it is not stuck. */
export const STALL_MS = 60_000
/** Once all can commit, how long the last links may take: a full mesh is asked for, but not waited for. */
const MESH_MS = 1_000
export const ASK_MS = 5_000
const LAST_LINES = 15
/** A log that is larger when its process starts is put aside, over the one that was before. */
const LOG_BYTES = 32 * 1024 * 1024

/** The processes of a cluster by name, with their signers; none for those that were evicted. */
export function processGroups(record: ClusterRecord): Map<string, SignerRecord[]> {
  const groups = new Map<string, SignerRecord[]>()
  for (const signer of seatedSigners(record)) {
    const name = processName(signer.index, record)
    groups.set(name, [...(groups.get(name) ?? []), signer])
  }
  return groups
}

/** Starts those named, all at once. `accepting`: the signer that goes on although records of it are lost. `started` grows as they do: whoever breaks off can end them. The record gets their numbers. */
export async function launch(
  folder: ClusterFolder,
  record: ClusterRecord,
  names: readonly string[],
  started: StartedProcess[],
  accepting?: number,
): Promise<void> {
  const groups = processGroups(record)
  const faults = readFaults(folder)
  for (const name of names) {
    const signers = groups.get(name) ?? []
    await writeJson(
      `${folder.processesFolder}/${name}.json`,
      signers.map((signer) => ({ ...configOf(folder, record, signer, faults), ...(signer.index === accepting && { acceptLostHistory: true }) })),
    )
    const log = folder.resolve(signers[0]?.log ?? '')
    setAsideLog(log)
    const process = await startProcess(folder, name, log)
    started.push(process)
    for (const signer of signers) signer.pid = process.pid
  }
  await folder.write(record)
}

/** Ends what was started and notes it. */
export async function abandon(folder: ClusterFolder, record: ClusterRecord, started: readonly StartedProcess[]): Promise<void> {
  await stopProcesses(folder, started)
  const pids = new Set(started.map(({ pid }) => pid))
  for (const each of [...record.signers, ...record.peers]) if (each.pid !== null && pids.has(each.pid)) each.pid = null
  if (folder.hasRecord()) await folder.write(record)
}

/** What is waited for. */
export interface Readiness {
  started: readonly StartedProcess[]
  quorum: number
  signal: AbortSignal
  /** Hears how many are ready. */
  told: (ready: number) => void
}

/**
 * Waits until every signer that was started can commit, and a moment longer for the last links. Where no quorum can be reached, being linked to all that can is enough.
 * Errors: `StartFailed` with the signer that ended or does not get ready; the signal's.
 */
export async function awaitReady(folder: ClusterFolder, record: ClusterRecord, readiness: Readiness): Promise<void> {
  const { started, quorum, signal, told } = readiness
  const groups = processGroups(record)
  const reachable = await reachableFrom(folder, record)
  const signers = started.flatMap((process) => (groups.get(process.name) ?? []).map((signer) => ({ signer, process })))
  const links = new Map<SignerRecord, number>()
  const lacking = (most: number) => signers.filter(({ signer }) => (links.get(signer) ?? -1) + 1 < Math.min(most, reachable(signer)))
  const client = new Client({ addresses: record.signers.map(({ url }) => url) })
  // To be asked takes time from those that start: with many of them, more seldom.
  const lookMs = 40 + 4 * signers.length
  const all = seatedSigners(record).length
  let most = 0
  let deadline = performance.now() + STALL_MS
  let meshDeadline = Number.POSITIVE_INFINITY
  try {
    while (lacking(all).length > 0 && performance.now() < meshDeadline) {
      signal.throwIfAborted()
      const ended = signers.find(({ process }) => process.ended)
      if (ended) throw failure(folder, ended.signer, 'ended while it started')
      await Promise.all(
        lacking(all).map(async ({ signer }) => {
          const status = await statusOf(client, signer)
          if (status) links.set(signer, status.connected.length)
        }),
      )
      const sum = [...links.values()].reduce((total, count) => total + 1 + count, 0)
      if (sum > most) deadline = performance.now() + STALL_MS
      most = Math.max(most, sum)
      const [late, ...others] = lacking(quorum)
      told(signers.length - others.length - (late ? 1 : 0))
      if (!late) meshDeadline = Math.min(meshDeadline, performance.now() + MESH_MS)
      else if (performance.now() > deadline) throw failure(folder, late.signer, `is not ready, and nothing has gone forward for ${STALL_MS / 1000} s`)
      if (lacking(all).length > 0) await sleep(lookMs)
    }
  } finally {
    client.close()
  }
}

/** How many signers each can be linked to, itself included: those whose processes run and are not paused, on its side of a partition. */
async function reachableFrom(folder: ClusterFolder, record: ClusterRecord): Promise<(signer: SignerRecord) => number> {
  const faults = readFaults(folder)
  const awake = new Set((await awakeProcesses(folder)).map(({ name }) => name))
  const running = [...processGroups(record)].flatMap(([name, members]) => (awake.has(name) ? members : []))
  return (signer) => running.filter((other) => isReachable(faults, signer.index, other.index)).length
}

/** What a signer says about itself, or nothing where it does not answer, or somebody else does. */
export async function statusOf(client: Client, signer: SignerRecord): Promise<StatusAnswer | undefined> {
  try {
    const status = await client.status({ from: signer.index, timeoutMs: ASK_MS })
    return status.publicKey === toHex(signer.publicKey) ? status : undefined
  } catch {
    return undefined
  }
}

/** Those that cannot listen on the port that is written for them. */
export async function portless<T extends { url: string }>(members: readonly T[]): Promise<T[]> {
  const free = await Promise.all(members.map(({ url }) => isFree(Number(new URL(url).port))))
  return members.filter((_, i) => !free[i])
}

/** Puts a log aside that is too large to be gone on with. */
export function setAsideLog(path: string): void {
  if (existsSync(path) && statSync(path).size > LOG_BYTES) renameSync(path, `${path}.old`)
}

/** The end of a log, and in words what a start that failed said there. */
export function logOf(folder: ClusterFolder, log: string): { path: string; lastLines: string[]; said: string } {
  const path = folder.resolve(log)
  const lastLines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LAST_LINES) : []
  const said = lastLines.findLast((line) => line.startsWith('Error: '))?.slice('Error: '.length)
  return { path, lastLines, said: said ? `: ${said}` : '' }
}

function configOf(folder: ClusterFolder, record: ClusterRecord, { index, key, store, joinedIn }: SignerRecord, faults: ClusterFaults): SignerConfig {
  const at = (path: string) => folder.resolve(path)
  // A start reads them by the first manifest: in a later epoch they are told once it runs.
  const own = record.epochs.length > 0 ? [] : faultsOf(faults, index, record.n)
  const machineFile = folder.machineFile()
  const lie = lieOf(index, record)
  return {
    manifest: at(record.manifest),
    key: at(key),
    store: at(store),
    addresses: at(record.addresses),
    tokenFile: at(record.tokenFile),
    ...(joinedIn !== null && { joins: true }),
    ...(machineFile !== undefined && { machineFile }),
    ...(own.length > 0 && { faults: own }),
    // One that lies keeps all.
    ...(lie ? { lie: { strategy: lie.strategy, seed: lie.seed } } : { snapshotEvery: record.snapshotEvery }),
  }
}

function failure(folder: ClusterFolder, signer: SignerRecord, what: string): StartFailed {
  const { path, lastLines, said } = logOf(folder, signer.log)
  return new StartFailed(`signer ${signer.index} ${what}${said}; its log is ${path}`, path, lastLines)
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
