/**
 * The links of one process, each by the number of its other end: opening and closing them, the caps on what waits on all together, and keep-alive. Who may have
 * one, who dials whom, and what a frame means belongs to those who hold them: `transport.ts` for a signer's links to signers, `peer-links.ts` for its links to
 * peers, `following.ts` for a peer's.
 */
import { CLOSE, type LinkOptions, type QueueTotal, type SignerLink, type TransportMetrics } from './link.js'
import type { LinkCaps, LinkTiming, TransportLog } from './transport-options.js'

export interface LinksOptions {
  /** What its ends are called in the log. */
  end: 'signer' | 'peer'
  caps: Pick<LinkCaps, 'linkQueueBytes' | 'totalQueueBytes'>
  timing: Pick<LinkTiming, 'pingMs' | 'deadMs'>
  metrics: TransportMetrics
  log: TransportLog | undefined
  /** What one message may hold, where it is not what signers send. */
  packs?: Pick<LinkOptions, 'incoming' | 'outgoing'>
  frame(end: number, frame: Uint8Array): void
  opened(end: number): void
  closed(end: number, livedMs: number): void
}

export class Links {
  readonly #options: LinksOptions
  readonly #queue: QueueTotal
  readonly #links = new Map<number, SignerLink>()
  /** Signers that had a link before; a peer gets another number each time. */
  readonly #met = new Set<number>()
  #keepAlive: NodeJS.Timeout | undefined

  constructor(options: LinksOptions) {
    this.#options = options
    this.#queue = { bytes: 0, cap: options.caps.totalQueueBytes }
  }

  /** Looks after the links from now on. */
  start(): void {
    const { pingMs, deadMs } = this.#options.timing
    let looked = performance.now()
    this.#keepAlive = setInterval(() => {
      const now = performance.now()
      // A process that stood still has not listened: silence until now says nothing about the others.
      const graceful = now - looked > 2 * pingMs
      looked = now
      for (const link of [...this.#links.values()]) link.keepAlive(now, deadMs, graceful)
    }, pingMs).unref()
  }

  /** The ends to which there is a link, ascending. */
  ends(): number[] {
    return [...this.#links.keys()].sort((a, b) => a - b)
  }

  get size(): number {
    return this.#links.size
  }

  get(end: number): SignerLink | undefined {
    return this.#links.get(end)
  }

  /** Queues a frame; one to an end without a link is dropped and counted. */
  send(to: number, frame: Uint8Array): void {
    const link = this.#links.get(to)
    if (link) link.send(frame)
    else this.#options.metrics.droppedUnconnected++
  }

  /** Bytes that wait to be sent, on all links. */
  get queuedBytes(): number {
    return this.#queue.bytes
  }

  /** Takes a link to `end`, made by `make`; answers false where there is one already. */
  open(end: number, make: (options: LinkOptions) => SignerLink): boolean {
    const { caps, metrics, log, packs, frame, opened, closed } = this.#options
    if (this.#links.has(end)) return false
    const link: SignerLink = make({
      ...packs,
      queueBytes: caps.linkQueueBytes,
      total: this.#queue,
      metrics,
      frame: (bytes) => frame(end, bytes),
      closed: (reason) => {
        if (this.#links.get(end) !== link) return
        this.#links.delete(end)
        metrics.disconnects++
        log?.info({ [this.#options.end]: end, reason }, 'link closed')
        closed(end, performance.now() - link.openedAt)
      },
    })
    this.#links.set(end, link)
    metrics.connects++
    if (this.#met.has(end)) metrics.reconnects++
    if (this.#options.end === 'signer') this.#met.add(end)
    log?.info({ [this.#options.end]: end }, 'link open')
    opened(end)
    return true
  }

  /** Closes all links; resolves once they are gone on both sides. */
  async stop(): Promise<void> {
    clearInterval(this.#keepAlive)
    const links = [...this.#links.values()]
    for (const link of links) link.close(CLOSE.stopped, 'stopped')
    await Promise.all(links.map((link) => link.gone))
  }
}
