/**
 * Which host sits where: a signer's number in a run is its host's for ever, its index in a manifest may be another one in each epoch. Owns the translation between
 * the two, for what goes into a signer and what comes out of it.
 */
import { toHex } from '../base/bytes.js'
import { seatOf } from '../core/change.js'
import type { Manifest } from '../core/manifest.js'
import type { Effect, Event } from '../core/steppable.js'

/** By manifest: the host in each seat, the seat of each host, and whether these are the same numbers for all. */
interface Plan {
  hosts: number[]
  seats: number[]
  isPlain: boolean
}

export class Seats {
  readonly #publicKeys: readonly Uint8Array[]
  readonly #hosts: ReadonlyMap<string, number>
  readonly #peers: number
  readonly #plans = new WeakMap<Manifest, Plan>()

  /** `publicKeys`: of the hosts that are signers at some time; after them come so many peers. */
  constructor(publicKeys: readonly Uint8Array[], peers: number) {
    this.#publicKeys = publicKeys
    this.#hosts = new Map(publicKeys.map((publicKey, host) => [toHex(publicKey), host]))
    this.#peers = peers
  }

  /** A host's index in a manifest; −1: none. */
  seatIn(manifest: Manifest, host: number): number {
    return this.#planOf(manifest).seats[host] ?? -1
  }

  /** The host of an end of a link, as a signer with this manifest numbers them: signers, then peers, then whoever has no seat. */
  hostOf(manifest: Manifest, end: number): number {
    const seated = this.#planOf(manifest).hosts[end]
    if (seated !== undefined) return seated
    const beyond = end - manifest.n
    return beyond < this.#peers ? this.#publicKeys.length + beyond : beyond - this.#peers
  }

  #planOf(manifest: Manifest): Plan {
    let plan = this.#plans.get(manifest)
    if (!plan) {
      const seats = this.#publicKeys.map((publicKey) => seatOf(manifest, publicKey))
      plan = {
        hosts: manifest.signers.map(({ publicKey }) => this.#hosts.get(toHex(publicKey)) ?? -1),
        seats,
        isPlain: seats.length === manifest.n && seats.every((seat, host) => seat === host),
      }
      this.#plans.set(manifest, plan)
    }
    return plan
  }

  /** The number of a host as an end of a link. */
  endOf(manifest: Manifest, host: number): number {
    const signers = this.#publicKeys.length
    if (host >= signers) return manifest.n + host - signers
    const seat = this.seatIn(manifest, host)
    return seat >= 0 ? seat : manifest.n + this.#peers + host
  }

  /** An event as a signer with this manifest is told it. */
  seated(manifest: Manifest, event: Event): Event {
    if (this.#planOf(manifest).isPlain) return event
    if (event.type === 'message') return { ...event, from: this.endOf(manifest, event.from) }
    if (event.type === 'connected' || event.type === 'disconnected') return { ...event, signer: this.endOf(manifest, event.signer) }
    return event
  }

  /** What a signer with this manifest wants done, by hosts. */
  unseated(manifest: Manifest, effect: Effect): Effect {
    if (this.#planOf(manifest).isPlain) return effect
    if (effect.type === 'send') return { ...effect, to: this.hostOf(manifest, effect.to) }
    if (effect.type === 'suspect') return { ...effect, signer: this.hostOf(manifest, effect.signer) }
    return effect
  }
}
