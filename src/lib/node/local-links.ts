/**
 * Links between signers that share a process: frames go from one to the other in memory, with neither socket nor handshake, for whoever could read this
 * process's memory has all of their keys anyway. Owns who is there, and the link of a pair from the moment both have started until one stops. It keeps to
 * what holds on a socket: frames arrive later, in order, as bytes of their own, under the same caps. Which of a signer's links are of this kind belongs to `transport.ts`.
 */
import type { Id } from '../base/bytes.js'
import { invariant, MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import { packedLength } from './framing.js'
import type { LinkOptions, SignerLink } from './link.js'

/** A transport as the others in its process see it. */
export interface LocalMember {
  /** Its public key, in hex: its index may change. */
  readonly key: Id
  /** Whether another one is a signer for it. */
  knows(key: Id): boolean
  /** Takes a link to the signer with this key, made by `make`. */
  open(key: Id, make: (options: LinkOptions) => SignerLink): void
}

/** The signers of one cluster that run in this process; all of their transports are given it. */
export class LocalLinks {
  readonly #signers: ReadonlySet<Id>
  readonly #present = new Map<Id, LocalMember>()

  /** `signers`: the public keys, in hex, of all that run here, now or later. No others of the process get a socket to them. */
  constructor(signers: Iterable<Id>) {
    this.#signers = new Set(signers)
  }

  /** Whether this signer is reached within the process, so that no connection may speak for it. */
  has(key: Id): boolean {
    return this.#signers.has(key)
  }

  /** A signer has started: at the end of this turn it is linked to all that are here. Errors: `BUSY` if it is here already. */
  join(member: LocalMember): void {
    const { key } = member
    const name = `the signer with public key ${key.slice(0, 12)}`
    invariant(this.has(key), `${name} was not expected in this process`)
    if (this.#present.has(key)) throw new MusigError('BUSY', `${name} runs in this process already`)
    const others = [...this.#present.values()]
    this.#present.set(key, member)
    setImmediate(() => {
      for (const other of others) if (this.#isPresent(member) && this.#isPresent(other)) connect(member, other)
    })
  }

  /** A signer stops. Its links are closed by itself. */
  leave(member: LocalMember): void {
    if (this.#isPresent(member)) this.#present.delete(member.key)
  }

  #isPresent(member: LocalMember): boolean {
    return this.#present.get(member.key) === member
  }
}

function connect(one: LocalMember, other: LocalMember): void {
  // In different epochs: they are linked once both are in one where both are signers.
  if (!one.knows(other.key) || !other.knows(one.key)) return
  const wire: Wire = { ends: [] }
  const end = (options: LinkOptions): LocalLink => {
    const link = new LocalLink(wire, options)
    wire.ends.push(link)
    return link
  }
  one.open(other.key, end)
  other.open(one.key, end)
}

/** What ties the two ends of a link. The second is there before the first frame leaves. */
interface Wire {
  readonly ends: LocalLink[]
}

/** One end of a link in memory. */
class LocalLink implements SignerLink {
  readonly openedAt = performance.now()
  readonly gone: Promise<void>
  readonly #wire: Wire
  readonly #options: LinkOptions
  #frames: Uint8Array[] = []
  #queuedBytes = 0
  #closed = false
  #isGone: () => void = () => {}

  constructor(wire: Wire, options: LinkOptions) {
    this.#wire = wire
    this.#options = options
    this.gone = new Promise((resolve) => {
      this.#isGone = resolve
    })
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  send(frame: Uint8Array): void {
    invariant(frame.length > 0 && frame.length <= LIMITS.messageBytes, `a frame of ${frame.length} bytes`)
    const { total, metrics, queueBytes } = this.#options
    const length = packedLength(frame)
    if (this.#closed) {
      metrics.droppedUnconnected++
      return
    }
    if (this.#queuedBytes + length > queueBytes || total.bytes + length > total.cap) {
      metrics.droppedFull++
      return
    }
    this.#queuedBytes += length
    total.bytes += length
    if (this.#frames.length === 0) setImmediate(() => this.#flush())
    // A copy: what one signer keeps is never another one's memory.
    this.#frames.push(new Uint8Array(frame))
  }

  /** The other end is heard as long as the process lives. */
  keepAlive(): void {}

  answers(): Promise<boolean> {
    return Promise.resolve(!this.#closed)
  }

  /** Ends this side at once and the other one after the frames that are under way. */
  close(_code: number, reason: string): void {
    if (this.#closed) return
    this.#end(reason)
    setImmediate(() => {
      for (const link of this.#wire.ends) {
        link.#end(reason)
        link.#isGone()
      }
    })
  }

  #flush(): void {
    const frames = this.#frames
    const bytes = frames.reduce((sum, frame) => sum + packedLength(frame), 0)
    this.#frames = []
    if (!this.#closed) {
      this.#queuedBytes -= bytes
      this.#options.total.bytes -= bytes
    }
    const { metrics } = this.#options
    metrics.framesOut += frames.length
    metrics.messagesOut++
    metrics.bytesOut += bytes
    for (const link of this.#wire.ends) if (link !== this) link.#receive(frames, bytes)
  }

  #receive(frames: readonly Uint8Array[], bytes: number): void {
    if (this.#closed) return
    const { metrics } = this.#options
    metrics.messagesIn++
    metrics.bytesIn += bytes
    for (const frame of frames) {
      if (this.#closed) return
      metrics.framesIn++
      this.#options.frame(frame)
    }
  }

  #end(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.total.bytes -= this.#queuedBytes
    this.#queuedBytes = 0
    this.#options.closed(reason)
  }
}
