/**
 * Faults of a signer's links, put there on purpose: cut off from another signer, late, or losing frames. Owns the table, one entry for each faulty link, and
 * what becomes of a frame on its way out; frames that are late keep their order. Which links there are, and that nothing comes in over one that is cut, is
 * `transport.ts`. Only signers of a test cluster take faults.
 */
import { bool, type Decoded, list, object, uint } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'

/** The longest delay that a link can be given. */
export const MAX_DELAY_MS = 60_000
/** Losses are counted in these. */
export const LOSS_PARTS = 1000

const faultCodec = object({
  /** The other end. */
  signer: uint(LIMITS.signers),
  /** Nothing goes out to it or comes in from it, and it counts as not connected. */
  cut: bool,
  /** How much later each frame to it leaves. */
  delayMs: uint(MAX_DELAY_MS),
  /** How many of a thousand frames to it are lost. */
  lossPerMille: uint(LOSS_PARTS),
})

/** What is wrong with the link to one other signer: all but `cut` holds for the way out alone. */
export type LinkFault = Decoded<typeof faultCodec>

/** A signer's table as the API and the files of a cluster carry it. */
export const linkFaultsCodec = list(faultCodec, LIMITS.signers)

/** Errors: `BAD_INPUT` where a table is not for this signer: itself, a signer twice, or one that is not there. */
export function checkFaults(faults: readonly LinkFault[], self: number, n: number): void {
  const seen = new Set<number>([self])
  for (const { signer } of faults) {
    if (signer >= n) throw new MusigError('BAD_INPUT', `there is no signer ${signer}; they are numbered 0 to ${n - 1}`)
    if (seen.has(signer)) throw new MusigError('BAD_INPUT', `signer ${self} has no link of its own to ${signer}, or it is named twice`)
    seen.add(signer)
  }
}

/** A frame that is late. */
interface Late {
  frame: Uint8Array
  dueAt: number
}

/** What waits for one signer. */
interface Queue {
  frames: Late[]
  bytes: number
  timer?: NodeJS.Timeout
}

export interface LinkFaultsOptions {
  /** Bytes that may be late on one link; what is more is lost. */
  queueBytes: number
  /** Takes a frame whose time has come. */
  send: (to: number, frame: Uint8Array) => void
  /** Hears of a frame that was lost. */
  lost: () => void
  /** From 0 up to 1, without 1. */
  random?: () => number
  /** Milliseconds of a clock that never runs backwards. */
  now?: () => number
}

export class LinkFaults {
  readonly #options: LinkFaultsOptions
  readonly #random: () => number
  readonly #now: () => number
  readonly #faults = new Map<number, LinkFault>()
  readonly #late = new Map<number, Queue>()

  constructor(options: LinkFaultsOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.#now = options.now ?? (() => performance.now())
  }

  /** Another table instead of the one before. What is late on a link that is cut now is lost. */
  set(faults: readonly LinkFault[]): void {
    this.#faults.clear()
    for (const fault of faults) this.#faults.set(fault.signer, fault)
    for (const signer of this.#late.keys()) if (this.isCut(signer)) this.drop(signer)
  }

  isCut(signer: number): boolean {
    return this.#faults.get(signer)?.cut ?? false
  }

  /** Takes a frame that is to go out, or leaves it: false means that nothing is wrong and it may go at once. */
  takes(to: number, frame: Uint8Array): boolean {
    const fault = this.#faults.get(to)
    const queue = this.#late.get(to)
    if (!fault && !queue) return false
    if (fault && (fault.cut || (fault.lossPerMille > 0 && this.#random() * LOSS_PARTS < fault.lossPerMille))) {
      this.#options.lost()
      return true
    }
    const delayMs = fault?.delayMs ?? 0
    // While others wait, one that is not late itself would overtake them.
    if (delayMs === 0 && !queue) return false
    this.#hold(to, queue ?? { frames: [], bytes: 0 }, frame, delayMs)
    return true
  }

  /** Loses what is late for a signer: its link has closed. */
  drop(signer: number): void {
    const queue = this.#late.get(signer)
    if (!queue) return
    clearTimeout(queue.timer)
    this.#late.delete(signer)
    for (const _ of queue.frames) this.#options.lost()
  }

  /** Loses all that is late. */
  stop(): void {
    for (const signer of [...this.#late.keys()]) this.drop(signer)
  }

  #hold(to: number, queue: Queue, frame: Uint8Array, delayMs: number): void {
    if (queue.bytes + frame.length > this.#options.queueBytes) {
      this.#options.lost()
      return
    }
    const dueAt = Math.max(this.#now() + delayMs, queue.frames.at(-1)?.dueAt ?? 0)
    queue.frames.push({ frame, dueAt })
    queue.bytes += frame.length
    this.#late.set(to, queue)
    if (queue.frames.length === 1) this.#wake(to, queue)
  }

  #wake(to: number, queue: Queue): void {
    const [first] = queue.frames
    if (!first) {
      this.#late.delete(to)
      return
    }
    queue.timer = setTimeout(() => this.#release(to, queue), Math.max(0, first.dueAt - this.#now()))
  }

  #release(to: number, queue: Queue): void {
    const now = this.#now()
    const waiting = queue.frames.findIndex(({ dueAt }) => dueAt > now)
    const due = queue.frames.splice(0, waiting < 0 ? queue.frames.length : waiting)
    for (const { frame } of due) {
      queue.bytes -= frame.length
      this.#options.send(to, frame)
    }
    this.#wake(to, queue)
  }
}
