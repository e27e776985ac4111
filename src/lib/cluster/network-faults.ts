/**
 * The faults of a cluster's network: how its signers are parted into groups, and which links are late or lose messages. Owns how a person names signers, the file
 * in the cluster's folder, faults.json, from which signers that start take theirs, and the table that follows for each signer. Telling signers that run is `network.ts`.
 */
import { rm } from 'node:fs/promises'
import { equalBytes } from '../base/bytes.js'
import { type Decoded, fromJson, list, object, toJson, uint } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import type { Manifest } from '../core/manifest.js'
import { type LinkFault, LOSS_PARTS, MAX_DELAY_MS } from '../node/link-faults.js'
import { type ClusterFolder, type ClusterRecord, readJson, type SignerRecord, writeJson } from './cluster-folder.js'

const signer = uint(LIMITS.signers)

const faultsCodec = object({
  /** Groups that do not reach one another; empty: no partition. */
  partition: list(list(signer, LIMITS.signers), LIMITS.signers),
  /** Each for one direction. */
  links: list(object({ from: signer, to: signer, delayMs: uint(MAX_DELAY_MS), lossPerMille: uint(LOSS_PARTS) }), LIMITS.signers * LIMITS.signers),
})

/** The faults of a cluster. */
export type ClusterFaults = Decoded<typeof faultsCodec>

/** Where nothing is wrong. */
export const NO_FAULTS: ClusterFaults = { partition: [], links: [] }

/** What stands in the cluster's folder. Errors: `BAD_INPUT`, `BAD_ENCODING` where the file is damaged. */
export function readFaults(folder: ClusterFolder): ClusterFaults {
  const json = readJson(folder.faultsFile, () => undefined)
  if (json === undefined) return NO_FAULTS
  if (typeof json !== 'object' || json === null) return fromJson(faultsCodec, json, folder.faultsFile)
  const { schema: _, ...rest } = json as Record<string, unknown>
  return fromJson(faultsCodec, rest, folder.faultsFile)
}

/** Writes them, or takes the file away where nothing is wrong. */
export async function writeFaults(folder: ClusterFolder, faults: ClusterFaults): Promise<void> {
  if (faults.partition.length === 0 && faults.links.length === 0) await rm(folder.faultsFile, { force: true })
  else await writeJson(folder.faultsFile, { schema: 1, ...(toJson(faultsCodec, faults) as object) })
}

/** What signer `self` of n has to be told. */
export function faultsOf({ partition, links }: ClusterFaults, self: number, n: number): LinkFault[] {
  const own = partition.find((group) => group.includes(self))
  const inside = new Set(own)
  const outward = new Map(links.filter(({ from }) => from === self).map((link) => [link.to, link]))
  const faults: LinkFault[] = []
  for (let other = 0; other < n; other++) {
    const { delayMs = 0, lossPerMille = 0 } = outward.get(other) ?? {}
    const cut = own !== undefined && !inside.has(other)
    if (other !== self && (cut || delayMs > 0 || lossPerMille > 0)) faults.push({ signer: other, cut, delayMs, lossPerMille })
  }
  return faults
}

/** The same as the signer itself is told it: others by their index in the manifest of the present epoch, where they have one. */
export function seatedFaults(faults: ClusterFaults, { index }: SignerRecord, { signers }: ClusterRecord, manifest: Manifest): LinkFault[] {
  const seatOf = (publicKey: Uint8Array | undefined) => manifest.signers.findIndex((signer) => publicKey && equalBytes(signer.publicKey, publicKey))
  return faultsOf(faults, index, signers.length).flatMap((fault) => {
    const seat = seatOf(signers[fault.signer]?.publicKey)
    return seat < 0 ? [] : [{ ...fault, signer: seat }]
  })
}

/** Whether a partition lets two signers reach each other. */
export function isReachable({ partition }: ClusterFaults, one: number, other: number): boolean {
  const group = partition.find((members) => members.includes(one))
  return group === undefined || group.includes(other)
}

/** The groups of a partition as `0-1/2-3` names them; signers that are not named form one more. Errors: `BAD_INPUT`. */
export function parsePartition(typed: string, n: number): number[][] {
  const groups = typed.split('/').map((group) => parseSigners(group, n))
  const seen = new Set<number>()
  for (const index of groups.flat()) {
    if (seen.has(index)) throw new MusigError('BAD_INPUT', `“${shown(typed)}” names signer ${index} in two groups; give it one place`)
    seen.add(index)
  }
  const rest = Array.from({ length: n }, (_, index) => index).filter((index) => !seen.has(index))
  const all = rest.length > 0 ? [...groups, rest] : groups
  if (all.length < 2)
    throw new MusigError('BAD_INPUT', `“${shown(typed)}” is one group of all ${n} signers; part them, as in 0-1/2-${Math.max(2, n - 1)}`)
  return all
}

/** Signers as `3`, `0,2` or `0-4,7` name them, ascending, each once. Errors: `BAD_INPUT`. */
export function parseSigners(typed: string, n: number): number[] {
  const found = new Set<number>()
  for (const part of typed.split(',')) {
    const [, low = '', high = low] = /^\s*(\d{1,7})(?:\s*-\s*(\d{1,7}))?\s*$/.exec(part) ?? []
    if (low === '') throw new MusigError('BAD_INPUT', `“${shown(typed)}” does not name signers; give numbers and ranges, as in 3 or 0-2,5`)
    const [first, last] = [Number(low), Number(high)]
    if (first > last) throw new MusigError('BAD_INPUT', `“${shown(part)}” runs backwards; write ${last}-${first}`)
    if (last >= n) throw new MusigError('BAD_INPUT', `there is no signer ${last}; they are numbered 0 to ${n - 1}`)
    for (let index = first; index <= last; index++) found.add(index)
  }
  return [...found].sort((a, b) => a - b)
}

/** Signers as a person reads them: `0-2,5`. */
export function signersText(signers: readonly number[]): string {
  const runs: [first: number, last: number][] = []
  for (const index of [...signers].sort((a, b) => a - b)) {
    const run = runs.at(-1)
    if (run && index === run[1] + 1) run[1] = index
    else runs.push([index, index])
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}

function shown(typed: string): string {
  return typed.length > 60 ? `${typed.slice(0, 60)}…` : typed
}
