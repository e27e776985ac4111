/**
 * The virtual network: one-way links between signers, each with its delays, losses and order. Owns what is on the way and when it arrives;
 * whether the two ends are running is the world's business. Links keep their order unless they are told not to. What one end sends, over
 * whichever links, shares its uplink: messages leave it one after the other.
 */
import type { SeededRandom } from '../base/prng.js'
import { type Delay, drawMs } from './delay.js'
import type { Timeline } from './timeline.js'

/** What one direction of a link does to what is sent over it. */
export interface LinkSettings {
  delay: Delay
  /** Added to every delay: distance between regions, in milliseconds. */
  extraMs: number
  /** The share of messages that are lost, 0 to 1. */
  loss: number
  /** The share of messages that arrive twice. */
  duplicate: number
  /** Whether what is sent later may arrive earlier. */
  reorder: boolean
}

interface Link {
  settings: LinkSettings
  /** When the last thing sent arrives: nothing sent later arrives before it on an ordered link. */
  lastAt: number
  /** Raised when what is on the way is lost. */
  generation: number
  /** Whether nothing passes, and nobody is told. */
  silent: boolean
}

/** One-way links between n ends; made when first used. */
export class Network<Packet> {
  readonly #timeline: Timeline
  readonly #random: SeededRandom
  readonly #settingsOf: (from: number, to: number) => LinkSettings
  readonly #arrive: (from: number, to: number, packet: Packet) => void
  readonly #links: Map<number, Link>[] = []
  /** Bits that leave an end in a millisecond. */
  readonly #bitsPerMs: number
  /** When the uplink of each end has sent all that was handed to it. */
  readonly #freeAt: number[] = []
  /** Messages that were lost on the way. */
  lost = 0
  /** Set false when all losses end: links then lose and double nothing, whatever their settings. */
  lossy = true

  /** `uplinkMbit`: what each end may send, in Mbit a second; 0 for no bound. */
  constructor(
    timeline: Timeline,
    random: SeededRandom,
    settingsOf: (from: number, to: number) => LinkSettings,
    arrive: (from: number, to: number, packet: Packet) => void,
    uplinkMbit = 0,
  ) {
    this.#timeline = timeline
    this.#random = random
    this.#settingsOf = settingsOf
    this.#arrive = arrive
    this.#bitsPerMs = uplinkMbit > 0 ? uplinkMbit * 1000 : Number.POSITIVE_INFINITY
  }

  /** Sends a packet of so many bytes: it arrives a drawn delay after it has left the uplink, or is lost. */
  send(from: number, to: number, packet: Packet, bytes = 0): void {
    const link = this.#link(from, to)
    const leavesAt = this.#leavesAt(from, bytes)
    const { loss, duplicate } = link.settings
    if (link.silent || (this.lossy && loss > 0 && this.#random.fraction() < loss)) {
      this.lost++
      return
    }
    const arrive = () => this.#arrive(from, to, packet)
    this.#carry(link, leavesAt, arrive)
    if (this.lossy && duplicate > 0 && this.#random.fraction() < duplicate) this.#carry(link, leavesAt, arrive)
  }

  /** Runs something at the far end of a link, after everything that was sent before; never lost. */
  signal(from: number, to: number, run: () => void): void {
    const link = this.#link(from, to)
    const at = Math.max(link.lastAt, this.#timeline.now + drawMs(link.settings.delay, this.#random))
    link.lastAt = at
    this.#timeline.at(at, run)
  }

  /** Loses everything that is on the way on one direction of a link. */
  drop(from: number, to: number): void {
    this.#link(from, to).generation++
  }

  /** Empties an uplink: what its end had handed to it is gone with that end, and `drop` says for which links. */
  clear(from: number): void {
    this.#freeAt[from] = 0
  }

  /** Lets nothing pass without telling anyone, or ends that. */
  silence(from: number, to: number, silent: boolean): void {
    this.#link(from, to).silent = silent
  }

  /** Makes one direction of a link slower by this much, or faster again. */
  slow(from: number, to: number, moreMs: number): void {
    const link = this.#link(from, to)
    link.settings = { ...link.settings, extraMs: Math.max(0, link.settings.extraMs + moreMs) }
  }

  /** When the last bit of a message leaves an end, behind all that it sent before. */
  #leavesAt(from: number, bytes: number): number {
    const { now } = this.#timeline
    if (this.#bitsPerMs === Number.POSITIVE_INFINITY) return now
    const at = Math.max(now, this.#freeAt[from] ?? 0) + (bytes * 8) / this.#bitsPerMs
    this.#freeAt[from] = at
    return at
  }

  #carry(link: Link, leavesAt: number, arrive: () => void): void {
    const { delay, extraMs, reorder } = link.settings
    const due = leavesAt + drawMs(delay, this.#random) + extraMs
    const at = reorder ? due : Math.max(due, link.lastAt)
    link.lastAt = Math.max(link.lastAt, at)
    const { generation } = link
    this.#timeline.at(at, () => {
      if (link.generation === generation) arrive()
      else this.lost++
    })
  }

  #link(from: number, to: number): Link {
    let links = this.#links[from]
    if (!links) {
      links = new Map()
      this.#links[from] = links
    }
    let link = links.get(to)
    if (!link) {
      link = { settings: this.#settingsOf(from, to), lastAt: 0, generation: 0, silent: false }
      links.set(to, link)
    }
    return link
  }
}
