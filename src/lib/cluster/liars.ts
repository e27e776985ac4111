/** The liars of a local cluster: how they are asked for, which of them share a process, and what is said about them. What they do is `byzantine/`. */
import { MusigError } from '../base/errors.js'
import { COLLUDE, lieNamed } from '../byzantine/lies.js'
import type { Manifest } from '../core/manifest.js'
import type { ClusterRecord } from './cluster-folder.js'

/** Signers that tell one lie, as cluster.json has them. */
export type LiarRecord = ClusterRecord['liars'][number]
/** The same as it is asked for: nothing is drawn yet. */
export type WantedLiars = Omit<LiarRecord, 'seed'>

/** Stands for no liars at all: so that a cluster that has some can be told to be honest again. */
const NONE = 'none'

/** Reads `3:equivocate` and `0-2:collude`, several by commas; `none` is an empty list. Errors: `BAD_INPUT`. */
export function parseLiars(specs: readonly string[]): WantedLiars[] {
  const all = specs.flatMap((spec) => spec.split(',')).map((spec) => spec.trim())
  if (all.length === 1 && all[0] === NONE) return []
  const liars = all.map(parseOne)
  const seen = new Set<number>()
  for (const { signers } of liars)
    for (const signer of signers) {
      if (seen.has(signer)) throw new MusigError('BAD_INPUT', `--byzantine ${all.join()}: signer ${signer} is named twice; give each liar one lie`)
      seen.add(signer)
    }
  return liars
}

function parseOne(spec: string): WantedLiars {
  const [, from, to, strategy] = /^(\d{1,4})(?:-(\d{1,4}))?:(.+)$/.exec(spec) ?? []
  if (from === undefined || strategy === undefined)
    throw new MusigError('BAD_INPUT', `--byzantine ${spec} is not I:STRATEGY, I-J:STRATEGY or ${NONE}, as in 3:equivocate or 0-2:${COLLUDE}`)
  const [first, last] = [Number(from), Number(to ?? from)]
  if (last < first) throw new MusigError('BAD_INPUT', `--byzantine ${spec}: ${first}-${last} goes backwards; give the smaller index first`)
  return { signers: Array.from({ length: last - first + 1 }, (_, i) => first + i), strategy: lieNamed(strategy) }
}

/** Errors: `BAD_INPUT` on liars that a cluster of n signers, `pack` in each process, cannot have. */
export function checkLiars(liars: readonly WantedLiars[], { n, pack }: { n: number; pack: number }): void {
  for (const { signers, strategy } of liars) {
    const [first = 0] = signers
    const last = signers.at(-1) ?? first
    if (last >= n) throw new MusigError('BAD_INPUT', `--byzantine ${last}:${strategy}: there is no signer ${last}; they are numbered 0 to ${n - 1}`)
    // Who colludes knows what the others know: that takes one process.
    if (strategy === COLLUDE && pack > 1 && Math.floor(first / pack) !== Math.floor(last / pack))
      throw new MusigError(
        'BAD_INPUT',
        `--byzantine ${first}-${last}:${strategy}: who colludes shares a process, and with --pack ${pack} these do not; leave --pack out, or give one whose processes hold them all`,
      )
  }
}

/** The name of the process that signer `index` shares with others: `3`, or `0-31`. Who colludes shares one, where processes hold one signer otherwise. */
export function processName(index: number, { pack, n, liars }: Pick<ClusterRecord, 'pack' | 'n' | 'liars'>): string {
  // Who came later has a process of its own.
  if (index >= n) return String(index)
  const group = pack > 1 ? undefined : liars.find(({ signers, strategy }) => strategy === COLLUDE && signers.includes(index))
  const first = group?.signers[0] ?? index - (index % pack)
  const last = group?.signers.at(-1) ?? Math.min(n, first + pack) - 1
  return first === last ? String(first) : `${first}-${last}`
}

/** What a signer is told to do, if it lies. */
export function lieOf(index: number, { liars }: Pick<ClusterRecord, 'liars'>): LiarRecord | undefined {
  return liars.find(({ signers }) => signers.includes(index))
}

/** One line about the liars of a cluster; undefined where there are none. */
export function liarsText({ liars }: Pick<ClusterRecord, 'liars'>, manifest: Manifest): string | undefined {
  const count = liars.reduce((sum, { signers }) => sum + signers.length, 0)
  if (count === 0) return undefined
  const who = liars.map(({ signers, strategy }) => `${rangeText(signers)} ${strategy}`).join(', ')
  return `${count === 1 ? 'one signer lies' : `${count} signers lie`}: ${who}${boundText(count, manifest)}`
}

function boundText(count: number, { n, deltaMs, asyncByzantineBound, syncByzantineBound }: Manifest): string {
  const bound = deltaMs > 0 ? syncByzantineBound : asyncByzantineBound
  if (count > bound) return `; beyond what the cluster survives: ${count} of ${n}, and at most ${bound} may`
  return count > asyncByzantineBound ? `; survived only while messages take less than ${deltaMs} ms` : ''
}

/** `3`, or `0-2`. */
function rangeText(signers: readonly number[]): string {
  return signers.length === 1 ? String(signers[0]) : `${signers[0]}-${signers.at(-1)}`
}

/** Whether the same signers tell the same lies. */
export function areSameLiars(asked: readonly WantedLiars[], stands: readonly WantedLiars[]): boolean {
  const text = (liars: readonly WantedLiars[]) =>
    liars
      .flatMap(({ signers, strategy }) =>
        strategy === COLLUDE ? [`${rangeText(signers)}:${strategy}`] : signers.map((signer) => `${signer}:${strategy}`),
      )
      .sort()
      .join()
  return text(asked) === text(stands)
}
