/**
 * The operators of a run: they want signers evicted and admitted at planned times, have a quorum of the signers approve, and submit the change to one of them, again
 * with a new one where nothing came of it or another change was first.
 */
import type { SeededRandom } from '../base/prng.js'
import type { Crypto } from '../bls/backend.js'
import { approve, changeTransaction, type Step } from '../core/change.js'
import { type Manifest, signerEntry } from '../core/manifest.js'
import type { Transaction } from '../core/transaction.js'
import type { Scenario } from './scenario.js'
import type { Seats } from './seats.js'
import type { SecretKeys } from './signers.js'
import type { Timeline } from './timeline.js'

/** How long an operator waits before it tries again. */
const PATIENCE_MS = 8000
const BUSY_MS = 50

/** What an operator wants of a host, from a time on. */
export interface PlannedChange {
  atMs: number
  type: Step['type']
  host: number
}

/** The changes of a run. */
export function planChanges({ n, evicts, admits, windowMs }: Scenario, random: SeededRandom): PlannedChange[] {
  const evicted = new Set<number>()
  while (evicted.size < Math.min(evicts, n - 1)) evicted.add(random.upTo(n - 1))
  const hosts = [
    ...[...evicted].map((host) => ({ type: 'evict' as const, host })),
    ...Array.from({ length: admits }, (_, i) => ({ type: 'admit' as const, host: n + i })),
  ]
  return hosts.map((change) => ({ ...change, atMs: random.fraction() * windowMs }))
}

export interface OperatorPorts {
  timeline: Timeline
  random: SeededRandom
  crypto: Crypto
  keys: readonly SecretKeys[]
  seats: Seats
  /** The manifest of the latest epoch that any signer is in. */
  latest(): Manifest
  /** Hosts that run. */
  up(): number[]
  /** A new signer is there and follows. */
  join(host: number): void
  submit(host: number, transaction: Transaction): void
}

export class Operators {
  readonly #ports: OperatorPorts
  readonly #open: Set<PlannedChange>

  constructor(ports: OperatorPorts, plan: readonly PlannedChange[]) {
    this.#ports = ports
    this.#open = new Set(plan)
    for (const change of plan) {
      ports.timeline.at(change.atMs, () => {
        if (change.type === 'admit') ports.join(change.host)
        this.#try(change)
      })
    }
  }

  /** Whether all that they want is done. */
  get isDone(): boolean {
    return this.wanted.length === 0
  }

  /** What is not done yet, in words. */
  get wanted(): string[] {
    return [...this.#open].filter((change) => !this.#isMade(change)).map(({ type, host }) => `${type} signer ${host}`)
  }

  #isMade({ type, host }: PlannedChange): boolean {
    return this.#ports.seats.seatIn(this.#ports.latest(), host) >= 0 === (type === 'admit')
  }

  #try(change: PlannedChange): void {
    const { timeline, random, crypto, keys, seats, latest, up } = this.#ports
    if (this.#isMade(change)) return
    const manifest = latest()
    const members = up().filter((host) => seats.seatIn(manifest, host) >= 0)
    timeline.after(members.length === 0 ? BUSY_MS : PATIENCE_MS, () => this.#try(change))
    if (members.length === 0) return
    const step = this.#stepOf(manifest, change)
    const approvals = new Map<number, Uint8Array>()
    for (const [host, { bls }] of keys.entries()) {
      const seat = seats.seatIn(manifest, host)
      if (seat >= 0 && approvals.size < manifest.quorum) approvals.set(seat, approve(crypto.bls, manifest, step, bls))
    }
    const transaction = changeTransaction(crypto, manifest, step, approvals, random.bytes(16))
    if (transaction) this.#ports.submit(random.pick(members), transaction)
  }

  #stepOf(manifest: Manifest, { type, host }: PlannedChange): Step {
    const { crypto, keys, seats } = this.#ports
    if (type === 'evict') return { type, publicKey: manifest.signers[seats.seatIn(manifest, host)]?.publicKey ?? new Uint8Array(48) }
    const { bls, link } = keys[host] as SecretKeys
    return { type, signer: signerEntry(crypto, bls, link, `signer-${host}`) }
  }
}
