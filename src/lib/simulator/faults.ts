/** The faults of a run, planned from its seed: crashes at moments that matter, cut and slow links. Carrying them out is left to the world. */
import type { SeededRandom } from '../base/prng.js'
import { endName } from './past.js'
import type { Scenario } from './scenario.js'

/** Something that goes wrong. */
export type Fault =
  /** A peer comes, from n on, and follows everyone. */
  | { type: 'join'; signer: number; atMs: number }
  /**
   * A signer crashes when its records made durable and effects sent come to `atRelease`, at the latest at `atMs`; it comes back after a while or
   * never.
   */
  | { type: 'crash'; signer: number; atRelease: number | null; atMs: number; backAfterMs: number | null }
  /** A link is cut, noticed by both ends, or silently in one direction. */
  | { type: 'cut'; a: number; b: number; atMs: number; untilMs: number; silent: boolean }
  /** The network falls apart: nothing passes on these links; `silent`: only in the direction given, and nobody is told. */
  | { type: 'partition'; shape: string; links: [from: number, to: number][]; atMs: number; untilMs: number; silent: boolean }
  /** The process of a signer is stopped, and goes on. */
  | { type: 'pause'; signer: number; atMs: number; untilMs: number }
  /** The clock of a signer jumps; back if `byMs` is below zero. */
  | { type: 'jump'; signer: number; atMs: number; byMs: number }
  | { type: 'slow'; a: number; b: number; atMs: number; untilMs: number; extraMs: number }

/** How long after the last submission faults may begin. */
const TAIL_MS = 400
/** By how much a clock jumps at most. */
const JUMP_MS = 30_000

/** Plans faults. `roots`: signers at which transactions are submitted, so that they are hit as often as all others together. */
export function planFaults(scenario: Scenario, roots: readonly number[], random: SeededRandom): Fault[] {
  const { n, crashes, restarts, cuts, slow, partitions, pauses, pauseMs, jumps, windowMs } = scenario
  const moment = () => random.fraction() * (windowMs + TAIL_MS)
  const victims: number[] = []
  while (victims.length < crashes + restarts) {
    const victim = roots.length > 0 && random.upTo(1) === 0 ? random.pick(roots) : random.upTo(n - 1)
    if (!victims.includes(victim)) victims.push(victim)
  }
  // Every third time all go down at once.
  const together = random.upTo(2) === 0 ? moment() : null
  const faults = victims.map((signer, i): Fault => {
    const counted = together === null && random.upTo(1) === 0
    const backAfterMs = i < crashes ? null : 20 + random.fraction() ** 3 * 8000
    return {
      type: 'crash',
      signer,
      atRelease: counted ? 1 + random.upTo(30) : null,
      atMs: counted ? windowMs + 2 * TAIL_MS : (together ?? moment()),
      backAfterMs,
    }
  })
  const link = () => {
    const a = random.upTo(n - 1)
    return { a, b: (a + 1 + random.upTo(n - 2)) % n, atMs: moment() }
  }
  for (let i = 0; i < cuts; i++) {
    const { a, b, atMs } = link()
    faults.push({ type: 'cut', a, b, atMs, untilMs: atMs + 100 + random.fraction() * 5000, silent: random.upTo(1) === 0 })
  }
  for (let i = 0; i < slow; i++) {
    const { a, b, atMs } = link()
    faults.push({ type: 'slow', a, b, atMs, untilMs: atMs + 100 + random.fraction() * 5000, extraMs: random.fraction() * 1000 })
  }
  for (let i = 0; i < partitions; i++) {
    const atMs = moment()
    const { shape, links, silent } = partitionOf(n, roots, random)
    faults.push({ type: 'partition', shape, links, atMs, untilMs: atMs + 200 + random.fraction() * 6000, silent })
  }
  const anyone = () => (roots.length > 0 && random.upTo(1) === 0 ? random.pick(roots) : random.upTo(n - 1))
  for (let i = 0; i < pauses; i++) {
    const atMs = moment()
    faults.push({ type: 'pause', signer: anyone(), atMs, untilMs: atMs + random.fraction() * pauseMs })
  }
  for (let i = 0; i < jumps; i++) {
    const byMs = Math.round((random.fraction() - 0.5) * 2 * random.pick([100, 1000, JUMP_MS]))
    faults.push({ type: 'jump', signer: anyone(), atMs: moment(), byMs })
  }
  return faults
}

/** What happens to peers: each comes at some time; it may crash and come back, and lose a link to a signer for a while. */
export function planPeers({ n, peers, windowMs }: Scenario, random: SeededRandom): Fault[] {
  const moment = () => random.fraction() * (windowMs + TAIL_MS)
  return Array.from({ length: peers }, (_, i): Fault[] => {
    const signer = n + i
    const joins = { type: 'join' as const, signer, atMs: random.fraction() ** 2 * 6000 }
    const later = () => joins.atMs + 1 + moment()
    const faults: Fault[] = [joins]
    if (random.upTo(2) > 0) {
      const atRelease = random.upTo(1) === 0 ? 1 + random.upTo(20) : null
      const atMs = later() + (atRelease === null ? 0 : 1000)
      faults.push({ type: 'crash', signer, atRelease, atMs, backAfterMs: 20 + random.fraction() ** 3 * 8000 })
    }
    if (random.upTo(2) === 0) {
      const atMs = later()
      faults.push({
        type: 'cut',
        a: signer,
        b: random.upTo(n - 1),
        atMs,
        untilMs: atMs + 100 + random.fraction() * 5000,
        silent: random.upTo(1) === 0,
      })
    }
    return faults
  }).flat()
}

/** The links that a partition takes away. */
function partitionOf(n: number, roots: readonly number[], random: SeededRandom): { shape: string; links: [number, number][]; silent: boolean } {
  const all = Array.from({ length: n }, (_, i) => i)
  const shuffled = [...all].sort(() => random.upTo(1) - 0.5)
  const place = new Map(shuffled.map((signer, i) => [signer, i] as const))
  const of = (signer: number) => place.get(signer) ?? 0
  const alone = roots.length > 0 ? random.pick(roots) : random.upTo(n - 1)
  const half = Math.ceil(n / 2)
  const shape = random.pick(['halves', 'one alone', 'ring', 'bridge', 'one way'])
  const isCut = (a: number, b: number): boolean => {
    switch (shape) {
      case 'halves':
      case 'one way':
        return of(a) < half !== of(b) < half
      case 'one alone':
        return a === alone || b === alone
      case 'ring':
        return ![1, n - 1].includes(Math.abs(of(a) - of(b)))
      default:
        return of(a) !== 0 && of(b) !== 0 && of(a) < half !== of(b) < half
    }
  }
  const links = all.flatMap((a) => all.filter((b) => a < b && isCut(a, b)).map((b): [number, number] => (of(a) < of(b) ? [a, b] : [b, a])))
  return { shape, links, silent: shape === 'one way' }
}

/** When the last planned fault is over at the latest, and losses end. */
export function faultsOverMs(scenario: Scenario, faults: readonly Fault[]): number {
  const ends = faults.map((fault) => {
    if ('untilMs' in fault) return fault.untilMs
    // A clock that is set back comes to its alarms that much later.
    if (fault.type === 'jump') return fault.atMs + Math.max(0, -fault.byMs)
    return fault.atMs + (fault.type === 'crash' ? (fault.backAfterMs ?? 0) : 0)
  })
  const lossy = scenario.loss > 0 || scenario.duplicate > 0 || scenario.reorder
  return Math.max(scenario.windowMs, lossy ? scenario.windowMs + 10_000 : 0, ...ends)
}

/** A fault in words. */
export function faultText(fault: Fault, n: number): string {
  switch (fault.type) {
    case 'join':
      return `peer ${fault.signer} joins`
    case 'crash':
      return `${endName(fault.signer, n)} crashes ${fault.backAfterMs === null ? 'for good' : `and comes back ${Math.round(fault.backAfterMs)} ms later`}`
    case 'cut':
      return fault.silent ? `nothing passes from ${fault.a} to ${fault.b}, unnoticed` : `the link between ${fault.a} and ${fault.b} is cut`
    case 'partition':
      return `the network falls apart (${fault.shape})`
    case 'pause':
      return `signer ${fault.signer} is stopped for ${Math.round(fault.untilMs - fault.atMs)} ms`
    case 'jump':
      return `the clock of signer ${fault.signer} jumps by ${fault.byMs} ms`
    case 'slow':
      return `the link between ${fault.a} and ${fault.b} takes ${Math.round(fault.extraMs)} ms more`
  }
}
