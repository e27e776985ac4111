/**
 * Hurting a cluster one process at a time, and starting what was hurt again: signers, which may share a process with others, and peers, each in one of its own. It
 * goes by the processes that run.
 */
import { MusigError } from '../base/errors.js'
import type { Member } from '../node/client.js'
import { ClusterFolder, type ClusterRecord, memberName, memberRecord, type PeerRecord, type SignerRecord, typedName } from './cluster-folder.js'
import { writeAddresses } from './create.js'
import { abandon, awaitReady, launch, portless, processGroups } from './launch.js'
import { awaitLevel, launchPeers, peerProcessName } from './launch-peers.js'
import { processName } from './liars.js'
import { withLock } from './lock.js'
import { tellFaults } from './network.js'
import { type ClusterProcess, isPaused, killProcesses, processesOf, type StartedProcess, setPaused, stopProcesses } from './processes.js'

/** What happened to a process, and to all that run in it. */
export interface Hurt {
  cluster: string
  /** All signers of the process. */
  signers: number[]
  peers: number[]
  /** The process that was ended; null where none ran. */
  pid: number | null
}

/** Processes that were stopped where they are, or go on. */
export interface Pausing {
  cluster: string
  /** Those that were named: signers by number, peers as `peer:0`. */
  asked: (number | string)[]
  /** All signers of their processes. */
  signers: number[]
  peers: number[]
  pids: number[]
}

/** The process of a signer or peer, whether it runs or not. */
interface Found {
  member: Member
  name: string
  signers: SignerRecord[]
  peers: PeerRecord[]
  /** Those of its name that run. */
  running: ClusterProcess[]
}

/** Ends the process of a signer or peer at once, as a crash would. Errors: `NOT_FOUND`, `BAD_INPUT` where it does not run. */
export async function killMember(home: string, cluster: string, member: Member): Promise<Hurt> {
  return changing(home, cluster, async (folder, record) => {
    const found = await find(folder, record, member)
    const { pid } = mustRun(found)
    await killProcesses(folder, found.running)
    for (const each of [...found.signers, ...found.peers]) each.pid = null
    await folder.write(record)
    return { cluster, ...indicesOf([found]), pid }
  })
}

/** Pauses processes, or lets them go on: all or, where one does not run, none. Errors: `NOT_FOUND`, `BAD_INPUT`. */
export async function pauseMembers(home: string, cluster: string, members: readonly Member[], paused: boolean): Promise<Pausing> {
  return changing(home, cluster, async (folder, record) => {
    const found: Found[] = []
    for (const member of members) {
      const one = await find(folder, record, member)
      const { pid } = mustRun(one)
      if (!paused && !(await isPaused(pid))) throw new MusigError('BAD_INPUT', `${memberName(member)} is not paused; there is nothing to resume`)
      found.push(one)
    }
    const running = [...new Map(found.flatMap((one) => one.running).map((process) => [process.pid, process])).values()]
    await setPaused(running, paused)
    // While they stood still the network may have been hurt, or healed.
    if (!paused) await tellFaults(folder, record, [...new Set(found.flatMap(({ signers }) => signers))])
    return { cluster, asked: members.map(typedName), ...indicesOf(found), pids: running.map(({ pid }) => pid) }
  })
}

/** Stops the process of a signer or peer if it runs, starts it and waits until it is ready. `accepts`: a signer signs again although records of it are lost. Errors: `NOT_FOUND`, `BAD_INPUT`, `BUSY` (its port), `StartFailed`. */
export async function restartMember(home: string, cluster: string, member: Member, signal: AbortSignal, accepts = false): Promise<Hurt> {
  return changing(home, cluster, async (folder, record) => {
    const found = await find(folder, record, member)
    if (accepts && typeof member !== 'number') throw new MusigError('BAD_INPUT', 'a peer signs nothing: it has no history to lose')
    await stopProcesses(folder, found.running)
    const started: StartedProcess[] = []
    try {
      signal.throwIfAborted()
      const [blocked] = await portless([...found.signers, ...found.peers])
      if (blocked) throw new MusigError('BUSY', `${blocked.url} of ${memberName(member)} is in use by another process; free it and try again`)
      await writeAddresses(folder, record)
      if (typeof member === 'number') {
        await launch(folder, record, [found.name], started, accepts ? member : undefined)
        await awaitReady(folder, record, { started, quorum: folder.manifest(record).quorum, signal, told: () => {} })
      } else {
        await launchPeers(folder, record, found.peers, started)
        await awaitLevel(folder, record, { started, signal, told: () => {} })
      }
    } catch (error) {
      await abandon(folder, record, started)
      throw error
    }
    return { cluster, ...indicesOf([found]), pid: found.running[0]?.pid ?? null }
  })
}

function changing<T>(home: string, cluster: string, work: (folder: ClusterFolder, record: ClusterRecord) => Promise<T>): Promise<T> {
  const folder = new ClusterFolder(home, cluster)
  // Also where it cannot be locked because there is none.
  folder.read()
  return withLock(home, folder, () => work(folder, folder.read()))
}

async function find(folder: ClusterFolder, record: ClusterRecord, member: Member): Promise<Found> {
  const running = await processesOf(folder)
  if (typeof member !== 'number') {
    const peer = memberRecord(record, member)
    const name = peerProcessName(peer)
    return { member, name, signers: [], peers: [peer], running: running.filter((process) => process.name === name) }
  }
  const name = processName(memberRecord(record, member).index, record)
  return { member, name, signers: processGroups(record).get(name) ?? [], peers: [], running: running.filter((process) => process.name === name) }
}

function mustRun({ member, running: [first] }: Found): ClusterProcess {
  if (!first) throw new MusigError('BAD_INPUT', `${memberName(member)} does not run; start it with: musig cluster restart ${typedName(member)}`)
  return first
}

function indicesOf(found: readonly Found[]): { signers: number[]; peers: number[] } {
  const ascending = (records: readonly { index: number }[]) => [...new Set(records.map(({ index }) => index))].sort((a, b) => a - b)
  return { signers: ascending(found.flatMap(({ signers }) => signers)), peers: ascending(found.flatMap(({ peers }) => peers)) }
}
