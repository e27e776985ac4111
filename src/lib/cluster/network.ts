/**
 * Hurting and healing the network of a local cluster while it runs: partitions, late and lossy links. Faults are written down first, so that a signer that starts
 * later has them too, and then told to those that run; paused ones are told when they go on. What the faults are is `network-faults.ts`.
 */
import { readFileSync } from 'node:fs'
import { MusigError } from '../base/errors.js'
import { Client } from '../node/client.js'
import { LOSS_PARTS } from '../node/link-faults.js'
import { refuseUnlessTest } from '../node/signer-config.js'
import { ClusterFolder, type ClusterRecord, type SignerRecord } from './cluster-folder.js'
import { processGroups } from './launch.js'
import { withLock } from './lock.js'
import { type ClusterFaults, NO_FAULTS, parsePartition, readFaults, seatedFaults, signersText, writeFaults } from './network-faults.js'
import { awakeProcesses, processesOf } from './processes.js'

/** What is wrong with the network now, as commands print it. */
export interface NetworkState {
  /** Groups of signers that do not reach one another; empty: no partition. */
  partition: number[][]
  /** Links that are late or lose messages, each direction by itself. `loss`: a share, from 0 to 1. */
  links: { from: number; to: number; delayMs: number; loss: number }[]
}

/** The same after a change. */
export interface NetworkChange extends NetworkState {
  cluster: string
  /** Signers that run and did not take it, though they were asked. */
  unreached: number[]
  /** Signers that are paused: they are told when they go on. */
  paused: number[]
}

/** What a link is given. What is left out stays as it was. */
export interface LinkChange {
  from: number
  to: number
  delayMs?: number | undefined
  /** A share of the messages, from 0 to 1. */
  loss?: number | undefined
  oneWay: boolean
}

/** How long a signer has to take its faults: a busy machine is slow. */
const TELL_MS = 10_000

/** Parts the signers into groups, instead of those before. `typed`: as `0-1/2-3`. Errors: `BAD_INPUT`, `NOT_FOUND`, `BUSY`; `UNREACHABLE` where the cluster is down. */
export function partitionCluster(home: string, name: string, typed: string): Promise<NetworkChange> {
  return change(home, name, (faults, { n }) => ({ ...faults, partition: parsePartition(typed, n) }))
}

/** Makes one link late or lossy, both ways unless told otherwise. Errors: as of `partitionCluster`. */
export function changeLink(home: string, name: string, { from, to, delayMs, loss, oneWay }: LinkChange): Promise<NetworkChange> {
  return change(home, name, (faults, { n }) => {
    for (const index of [from, to]) if (index >= n) throw new MusigError('BAD_INPUT', `there is no signer ${index}; they are numbered 0 to ${n - 1}`)
    if (from === to) throw new MusigError('BAD_INPUT', `signer ${from} has no link to itself; name two signers`)
    let links = faults.links
    for (const [one, other] of oneWay ? [[from, to] as const] : [[from, to] as const, [to, from] as const]) {
      const before = links.find((link) => link.from === one && link.to === other)
      const lossPerMille = loss === undefined ? (before?.lossPerMille ?? 0) : Math.round(loss * LOSS_PARTS)
      const changed = { from: one, to: other, delayMs: delayMs ?? before?.delayMs ?? 0, lossPerMille }
      links = [...links.filter((link) => link !== before), changed]
    }
    return { ...faults, links: links.filter((link) => link.delayMs > 0 || link.lossPerMille > 0) }
  })
}

/** Takes all faults of the network away, also where the cluster is down. Errors: `NOT_FOUND`, `BUSY`. */
export function healCluster(home: string, name: string): Promise<NetworkChange> {
  return change(home, name, () => NO_FAULTS, true)
}

/** What is wrong with a cluster's network. Errors: those of a damaged file. */
export function networkOf(folder: ClusterFolder): NetworkState {
  return stateOf(readFaults(folder))
}

/** The same for a person, a line for each thing; none where nothing is wrong. */
export function networkLines({ partition, links }: NetworkState): string[] {
  const parts = partition.length > 0 ? [`partitioned: ${partition.map(signersText).join(' / ')}`] : []
  const slow = links.map(({ from, to, delayMs, loss }) => {
    const faults = [delayMs > 0 ? `${delayMs} ms late` : '', loss > 0 ? `${Math.round(loss * LOSS_PARTS) / 10} % lost` : '']
    return `link ${from} → ${to}: ${faults.filter((text) => text !== '').join(', ')}`
  })
  return [...parts, ...slow]
}

/** What is left to say after a change, a line each. */
export function changeWarnings({ unreached, paused }: NetworkChange): string[] {
  return [
    ...(unreached.length > 0 ? [`signers ${signersText(unreached)} did not answer, and keep what they had until they are started again`] : []),
    ...(paused.length > 0
      ? [`signers ${signersText(paused)} are paused, and are told when they go on: musig cluster resume ${signersText(paused)}`]
      : []),
  ]
}

/** Tells signers what is wrong with their links; gives those that did not take it. */
export async function tellFaults(folder: ClusterFolder, record: ClusterRecord, signers: readonly SignerRecord[]): Promise<number[]> {
  const faults = readFaults(folder)
  const manifest = folder.manifest(record)
  const token = readFileSync(folder.resolve(record.tokenFile), 'utf8').trim()
  const client = new Client({ addresses: record.signers.map(({ url }) => url), token })
  try {
    const told = await Promise.all(
      signers.map((signer) =>
        client.setFaults(signer.index, seatedFaults(faults, signer, record, manifest), TELL_MS).then(
          () => true,
          (error: unknown) => {
            if (!(error instanceof MusigError)) throw error
            return false
          },
        ),
      ),
    )
    return signers.filter((_, i) => !told[i]).map(({ index }) => index)
  } finally {
    client.close()
  }
}

async function change(
  home: string,
  name: string,
  changed: (faults: ClusterFaults, record: ClusterRecord) => ClusterFaults,
  alsoDown = false,
): Promise<NetworkChange> {
  const folder = new ClusterFolder(home, name)
  folder.read()
  return withLock(home, folder, async () => {
    const record = folder.read()
    const faults = changed(readFaults(folder), record)
    if (!alsoDown) refuseUnlessTest(folder.manifest(record))
    const processes = await processesOf(folder)
    if (processes.length === 0 && !alsoDown) throw new MusigError('UNREACHABLE', `the cluster “${name}” is down; start it with: musig cluster up`)
    await writeFaults(folder, faults)
    const awake = new Set((await awakeProcesses(folder)).map(({ pid }) => pid))
    const groups = processGroups(record)
    const signersOf = (isAwake: boolean) =>
      processes.filter(({ pid }) => awake.has(pid) === isAwake).flatMap((process) => groups.get(process.name) ?? [])
    const unreached = await tellFaults(folder, record, signersOf(true))
    return { cluster: name, ...stateOf(faults), unreached, paused: signersOf(false).map(({ index }) => index) }
  })
}

function stateOf({ partition, links }: ClusterFaults): NetworkState {
  const shares = links.map(({ from, to, delayMs, lossPerMille }) => ({ from, to, delayMs, loss: lossPerMille / LOSS_PARTS }))
  return { partition, links: shares.sort((a, b) => a.from - b.from || a.to - b.to) }
}
