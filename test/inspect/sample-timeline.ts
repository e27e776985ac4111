/**
 * Moments of signers to draw timelines of: a batch that goes through its tree in virtual time, with hops of random length, late signers, phase 3, a later
 * ballot. Shared by the tests and by `scripts/draw-samples.ts`.
 */
import { SeededRandom } from '../../src/lib/base/prng.js'
import type { Moment, MomentKind } from '../../src/lib/core/moments.js'
import { type Tree, treeOf } from '../../src/lib/core/tree.js'
import type { TimelineData } from '../../src/lib/inspect/data.js'
import { type Told, timelineOf } from '../../src/lib/inspect/timeline.js'

const REGIONS = ['eu-west', 'us-east', 'ap-south']

/** What happens to the sample. */
export interface SampleOptions {
  /** Phase 3 runs. */
  slow?: boolean
  /** The root is dead after 1a; ballot 1 decides. */
  recovers?: boolean
  /** By how many milliseconds signers' clocks are off. */
  clocks?: Readonly<Record<number, number>>
  /** Signers that do not answer, or have forgotten. */
  silent?: readonly number[]
  forgotten?: readonly number[]
}

/** The parts of a manifest that a timeline needs. */
export function sampleCluster(n: number) {
  const signers = Array.from({ length: n }, (_, i) => ({ name: `signer-${i}`, region: REGIONS[i % REGIONS.length] ?? '' }))
  return { clusterId: 'c'.repeat(64), n, tree: { strategy: 'random' as const, fanout: 2 }, signers }
}

/** What signers tell of a batch with root 0. */
export function sampleTold(n: number, seed = 1, options: SampleOptions = {}): { batchId: string; told: (Told | null)[] } {
  const random = new SeededRandom(`timeline ${n} ${seed}`)
  const batchId = Buffer.from(random.bytes(32)).toString('hex')
  const run = new Run(treeOf(batchId, 0, sampleCluster(n)), random)
  run.down(0, 1000, 'proposed', 'voted')
  const voted = run.up(0, 'vote sent', 'vote received', 'voted')
  if (options.recovers) run.recover(1, voted + 300)
  else {
    if (options.slow) run.down(0, voted + 1, 'ordered', 'accepted')
    const decided = options.slow ? run.up(0, 'accept sent', 'accept received', 'accepted') : voted
    run.decide(0, decided + 0.5, options.slow ? 0 : undefined)
  }
  const told = run.moments.map((moments, signer): Told | null => {
    if (options.silent?.includes(signer)) return null
    if (options.forgotten?.includes(signer)) return { status: 'executed', moments: null }
    const off = options.clocks?.[signer] ?? 0
    const sorted = [...moments].sort((a, b) => a.at - b.at)
    return { status: 'executed', moments: sorted.map((moment) => ({ ...moment, at: moment.at + off })) }
  })
  return { batchId, told }
}

/** The timeline of such a batch. */
export function sampleTimeline(n: number, seed = 1, options: SampleOptions = {}): TimelineData {
  const { batchId, told } = sampleTold(n, seed, options)
  return timelineOf(sampleCluster(n), batchId, 0, told)
}

class Run {
  readonly moments: Moment[][]
  readonly #tree: Tree
  readonly #random: SeededRandom

  constructor(tree: Tree, random: SeededRandom) {
    this.#tree = tree
    this.#random = random
    this.moments = tree.permutation.map(() => [])
  }

  down(signer: number, at: number, kind: MomentKind, share: MomentKind, from?: number): void {
    this.#note(signer, kind, at, from)
    this.#note(signer, share, at + this.#hop() / 2)
    for (const child of this.#tree.childrenOf(signer)) this.down(child, at + this.#hop(), kind, share, signer)
  }

  /** When the last share is at the top. */
  up(signer: number, sent: MomentKind, received: MomentKind, share: MomentKind): number {
    const own = this.moments[signer]?.find(({ what }) => what === share)?.at ?? 0
    const heard = this.#tree.childrenOf(signer).map((child) => {
      const gathered = this.up(child, sent, received, share)
      this.#note(child, sent, gathered, signer)
      const at = gathered + this.#hop()
      this.#note(signer, received, at, child)
      return at
    })
    return Math.max(own, ...heard)
  }

  decide(signer: number, at: number, ballot: number | undefined, from?: number): void {
    this.#note(signer, 'certified', at, from, ballot)
    this.#note(signer, 'executed', at + this.#hop(), undefined)
    for (const child of this.#tree.childrenOf(signer)) this.decide(child, at + this.#hop(), ballot, signer)
  }

  recover(ballot: number, from: number): void {
    const coordinator = this.#tree.permutation[ballot] ?? 0
    const others = this.#tree.permutation.slice(1)
    for (const signer of others) this.#note(signer, 'timed out', from + this.#hop(), undefined, ballot)
    const prepared = from + 12
    this.#note(coordinator, 'prepared', prepared, undefined, ballot)
    const answers = (kind: MomentKind, received: MomentKind, at: number): number =>
      Math.max(
        ...others.map((signer) => {
          const done = at + this.#hop()
          this.#note(signer, kind, done, undefined, ballot)
          const heard = done + this.#hop()
          this.#note(coordinator, received, heard, signer, ballot)
          return heard
        }),
      )
    const ordered = answers('promised', 'promise received', prepared)
    this.#note(coordinator, 'ordered', ordered, undefined, ballot)
    const accepted = answers('accepted', 'accept received', ordered)
    for (const signer of others) {
      const at = signer === coordinator ? accepted : accepted + this.#hop()
      this.#note(signer, 'certified', at, signer === coordinator ? undefined : coordinator, ballot)
      this.#note(signer, 'executed', at + 1)
    }
  }

  #note(signer: number, what: MomentKind, at: number, other?: number, ballot?: number): void {
    this.moments[signer]?.push({ what, at, ...(other !== undefined && { signer: other }), ...(ballot !== undefined && { ballot }) })
  }

  #hop(): number {
    return 1 + this.#random.fraction() * 8
  }
}
