/**
 * Taking a cluster down, taking it away, and hurting it one process at a time. All of it goes by the processes that run, so it works on dead nodes and on
 * clusters whose file is damaged.
 */
import { readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MusigError } from '../base/errors.js'
import { ClusterFolder, type ClusterRecord } from './cluster-folder.js'
import { writeAddresses } from './create.js'
import { abandon, awaitReady, launch, portless, processGroups } from './launch.js'
import { withLock } from './lock.js'
import { tellFaults } from './network.js'
import { type ClusterProcess, isPaused, killProcesses, processesOf, type StartedProcess, setPaused, stopProcesses } from './processes.js'

/** What `down` and `rm` did, or would do. */
export interface Removal {
  cluster: string
  folder: string
  /** Processes that were ended. */
  stopped: number
  removed: boolean
}

/** What happened to the process of a signer, which may hold others too. */
export interface Hurt {
  cluster: string
  /** All signers of the process. */
  signers: number[]
  /** The process that was ended; null where none ran. */
  pid: number | null
}

/** Ends the processes of a cluster; `purge` removes all its data too. Errors: `NOT_FOUND`, `BUSY`. */
export async function downCluster(home: string, name: string, { purge = false, told = (_left: number) => {} } = {}): Promise<Removal> {
  const folder = new ClusterFolder(home, name)
  if (!folder.isThere()) folder.read()
  return withLock(home, folder, async () => {
    const running = await processesOf(folder)
    await stopProcesses(folder, running, told)
    if (purge) await remove(folder)
    else await forgetPids(folder)
    return { cluster: name, folder: folder.path, stopped: running.length, removed: purge }
  })
}

/** What `rm` would take away: processes that run, and the files and folders at the top of the cluster's folder. Errors: `NOT_FOUND`. */
export async function removalOf(home: string, name: string): Promise<{ folder: string; running: ClusterProcess[]; entries: string[] }> {
  const folder = new ClusterFolder(home, name)
  if (!folder.isThere()) folder.read()
  return { folder: folder.path, running: await processesOf(folder), entries: (await readdir(folder.path)).sort() }
}

/** Ends the process of a signer at once, as a crash would. Errors: `NOT_FOUND`, `BAD_INPUT` where it does not run. */
export async function killSigner(home: string, name: string, index: number): Promise<Hurt> {
  const folder = new ClusterFolder(home, name)
  folder.read()
  return withLock(home, folder, async () => {
    const record = folder.read()
    const { doomed, signers } = await processOf(folder, record, index)
    const [first] = doomed
    if (!first) throw new MusigError('BAD_INPUT', `signer ${index} does not run; start it with: musig cluster restart ${index}`)
    await killProcesses(folder, doomed)
    await notePid(folder, record, signers, null)
    return { cluster: name, signers, pid: first.pid }
  })
}

/** Signers whose processes were stopped where they are, or go on. */
export interface Pausing {
  cluster: string
  /** The signers that were named. */
  asked: number[]
  /** All signers of their processes. */
  signers: number[]
  pids: number[]
}

/** Pauses the processes of signers, or lets them go on: all or, where one does not run, none. Errors: `NOT_FOUND`, `BAD_INPUT`. */
export async function pauseSigners(home: string, name: string, indices: readonly number[], paused: boolean): Promise<Pausing> {
  const folder = new ClusterFolder(home, name)
  folder.read()
  return withLock(home, folder, async () => {
    const record = folder.read()
    const found = new Map<number, ClusterProcess>()
    const signers = new Set<number>()
    for (const index of indices) {
      const { doomed, signers: together } = await processOf(folder, record, index)
      if (doomed.length === 0) throw new MusigError('BAD_INPUT', `signer ${index} does not run; start it with: musig cluster restart ${index}`)
      for (const process of doomed) {
        if (!paused && !(await isPaused(process.pid))) throw new MusigError('BAD_INPUT', `signer ${index} is not paused; there is nothing to resume`)
        found.set(process.pid, process)
      }
      for (const signer of together) signers.add(signer)
    }
    await setPaused([...found.values()], paused)
    // While they stood still the network may have been hurt, or healed.
    if (!paused)
      await tellFaults(
        folder,
        record,
        record.signers.filter(({ index }) => signers.has(index)),
      )
    return { cluster: name, asked: [...indices], signers: [...signers].sort((a, b) => a - b), pids: [...found.keys()] }
  })
}

/** Stops the process of a signer if it runs, starts it and waits until it is ready. `accepts`: it signs again although records of it are lost. Errors: `NOT_FOUND`, `BUSY` (its port), `StartFailed`. */
export async function restartSigner(home: string, name: string, index: number, signal: AbortSignal, accepts = false): Promise<Hurt> {
  const folder = new ClusterFolder(home, name)
  folder.read()
  return withLock(home, folder, async () => {
    const record = folder.read()
    const { doomed, signers, processName } = await processOf(folder, record, index)
    await stopProcesses(folder, doomed)
    const started: StartedProcess[] = []
    try {
      signal.throwIfAborted()
      const [blocked] = await portless(record.signers.filter((signer) => signers.includes(signer.index)))
      if (blocked) throw new MusigError('BUSY', `${blocked.url} of signer ${blocked.index} is in use by another process; free it and try again`)
      await writeAddresses(folder, record)
      await launch(folder, record, [processName], started, accepts ? index : undefined)
      await awaitReady(folder, record, { started, quorum: folder.manifest(record).quorum, signal, told: () => {} })
    } catch (error) {
      await abandon(folder, record, started)
      throw error
    }
    return { cluster: name, signers, pid: doomed[0]?.pid ?? null }
  })
}

async function processOf(
  folder: ClusterFolder,
  record: ClusterRecord,
  index: number,
): Promise<{ processName: string; signers: number[]; doomed: ClusterProcess[] }> {
  for (const [processName, members] of processGroups(record)) {
    const signers = members.map((signer) => signer.index)
    if (signers.includes(index)) return { processName, signers, doomed: (await processesOf(folder)).filter(({ name }) => name === processName) }
  }
  throw new MusigError('BAD_INPUT', `there is no signer ${index}; they are numbered 0 to ${record.n - 1}`)
}

async function notePid(folder: ClusterFolder, record: ClusterRecord, signers: readonly number[], pid: number | null): Promise<void> {
  for (const signer of record.signers) if (signers.includes(signer.index)) signer.pid = pid
  await folder.write(record)
}

/** A damaged cluster.json stays as it is. */
async function forgetPids(folder: ClusterFolder): Promise<void> {
  let record: ClusterRecord
  try {
    record = folder.read()
  } catch {
    return
  }
  await notePid(
    folder,
    record,
    record.signers.map(({ index }) => index),
    null,
  )
}

/** Out of sight in one step, so that no half of a cluster is ever found under its name. */
async function remove(folder: ClusterFolder): Promise<void> {
  const doomed = join(dirname(folder.path), `.${folder.name}.${process.pid.toString(16).padStart(12, '0')}.new`)
  await rename(folder.path, doomed)
  await rm(doomed, { recursive: true, force: true })
}
