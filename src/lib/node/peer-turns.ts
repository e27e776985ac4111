/**
 * Whose turn it is among the peers of a signer. Anyone may be a peer, so all of them together get a share of this process and no more: a peer is read a chunk at a
 * time, and not again before what came in it is answered; what they send and what is sent to them is paid for in bytes that grow at a fixed rate; and who has used
 * the least comes first. Owns the reckoning; links and numbers are `peer-links.ts`.
 */

/** What a peer's turn is about. */
export interface PeerTurn {
  /** Stops reading it, or goes on. */
  pause(): void
  resume(): void
  /** Bytes that wait for it to read. */
  readonly queuedBytes: number
}

export interface TurnRates {
  /** Bytes that all peers together may cost in a second, and at once. */
  bytesPerSecond: number
  burstBytes: number
  /** Who has more than this to read is not answered anything else. */
  unreadBytes: number
}

export const TURN_RATES: TurnRates = { bytesPerSecond: 24 * 1024 * 1024, burstBytes: 8 * 1024 * 1024, unreadBytes: 1024 * 1024 }

/** What a byte that comes in costs: the smallest frames of a WebSocket are a few bytes, and each has to be looked at. */
const BYTE_IN_COST = 32
/** What every frame that goes out costs besides its bytes. */
const FRAME_OUT_COST = 1024
/** How often it is looked whether a slow reader has read. */
const LOOK_MS = 20
/** What a peer has used counts half as much after this. */
const HALF_MS = 1000

interface Waiting {
  /** What is to be done for it, in order. */
  work: (() => void)[]
}

export class PeerTurns {
  readonly #rates: TurnRates
  readonly #now: () => number
  /** What each has used lately, and when that was reckoned. */
  readonly #used = new Map<PeerTurn, { bytes: number; at: number }>()
  /** Those that are not read at the moment. */
  readonly #waiting = new Map<PeerTurn, Waiting>()
  #left: number
  #at: number
  #timer: NodeJS.Timeout | NodeJS.Immediate | undefined
  #stopped = false

  /** `now`: milliseconds of a clock that never runs backwards. */
  constructor(rates: TurnRates = TURN_RATES, now: () => number = () => performance.now()) {
    this.#rates = rates
    this.#now = now
    this.#left = rates.burstBytes
    this.#at = now()
  }

  /** Bytes came in from a peer: it is not read until it had its turn. */
  received(peer: PeerTurn, bytes: number): void {
    this.#charge(peer, bytes * BYTE_IN_COST)
    this.#wait(peer)
  }

  /** Something in what came asks for work. */
  ask(peer: PeerTurn, work: () => void): void {
    this.#wait(peer).work.push(work)
  }

  /** A frame of so many bytes goes out to a peer. */
  sent(peer: PeerTurn, bytes: number): void {
    this.#charge(peer, bytes + FRAME_OUT_COST)
  }

  /** A peer is gone, and with it what it asked for. */
  gone(peer: PeerTurn): void {
    this.#used.delete(peer)
    this.#waiting.delete(peer)
  }

  stop(): void {
    this.#stopped = true
    this.#waiting.clear()
    clearTimeout(this.#timer as NodeJS.Timeout)
    clearImmediate(this.#timer as NodeJS.Immediate)
  }

  #wait(peer: PeerTurn): Waiting {
    const waiting = this.#waiting.get(peer) ?? { work: [] }
    if (!this.#waiting.has(peer)) {
      peer.pause()
      this.#waiting.set(peer, waiting)
    }
    this.#plan()
    return waiting
  }

  #charge(peer: PeerTurn, bytes: number): void {
    this.#refill()
    this.#left -= bytes
    this.#used.set(peer, { bytes: this.#usedBy(peer) + bytes, at: this.#now() })
  }

  #refill(): void {
    const now = this.#now()
    const { bytesPerSecond, burstBytes } = this.#rates
    this.#left = Math.min(burstBytes, this.#left + ((now - this.#at) / 1000) * bytesPerSecond)
    this.#at = now
  }

  #usedBy(peer: PeerTurn): number {
    const used = this.#used.get(peer)
    return used ? used.bytes * 0.5 ** ((this.#now() - used.at) / HALF_MS) : 0
  }

  #plan(): void {
    if (this.#timer || this.#stopped || this.#waiting.size === 0) return
    this.#refill()
    const waitMs = this.#left < 0 ? (-this.#left / this.#rates.bytesPerSecond) * 1000 : 0
    if (this.#left < 0 || !this.#next()) this.#timer = setTimeout(() => this.#turn(), Math.max(waitMs, LOOK_MS)).unref()
    else this.#timer = setImmediate(() => this.#turn())
  }

  /** Does one thing for the one whose turn it is. */
  #turn(): void {
    this.#timer = undefined
    if (this.#stopped) return
    this.#refill()
    const peer = this.#left < 0 ? undefined : this.#next()
    if (peer) {
      const work = this.#waiting.get(peer)?.work.shift()
      if (work) work()
      else {
        this.#waiting.delete(peer)
        peer.resume()
      }
    }
    this.#plan()
  }

  /** Of those that have read what they were sent, the one that has used the least. */
  #next(): PeerTurn | undefined {
    let best: { peer: PeerTurn; used: number } | undefined
    for (const peer of this.#waiting.keys()) {
      if (peer.queuedBytes > this.#rates.unreadBytes) continue
      const used = this.#usedBy(peer)
      if (!best || used < best.used) best = { peer, used }
    }
    return best?.peer
  }
}
