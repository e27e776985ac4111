/**
 * What a signer does for peers (§11): it answers what they ask of its log and sends those that compared theirs each batch that it executes, with its
 * certificate. A peer is an end of a link with a number from n on; it counts nowhere, and nothing else that it says is read.
 */
import { pageOf } from './catch-up.js'
import type { Commits } from './commits.js'
import type { Context } from './context.js'
import { headsAt } from './heads.js'
import { LIMITS } from './limits.js'
import type { Message, MessageOf } from './message.js'
import type { ExecutedBatch } from './steppable.js'

export class Peers {
  readonly #ctx: Context
  readonly #commits: Commits
  readonly #subscribed = new Set<number>()

  constructor(ctx: Context, commits: Commits) {
    this.#ctx = ctx
    this.#commits = commits
  }

  /** Whether an end of a link is a peer, and no signer. */
  isPeer(end: number): boolean {
    return end >= this.#ctx.manifest.n
  }

  disconnected(peer: number): void {
    this.#subscribed.delete(peer)
  }

  receive(from: number, message: Message): void {
    const { journal } = this.#ctx
    switch (message.type) {
      case 'sync':
        if (this.#subscribed.size < LIMITS.peers) this.#subscribed.add(from)
        return this.#compare(from, message)
      case 'fetch':
        // What is not decided yet would only have to be sent again.
        return this.#commits.onFetch(from, { ...message, ids: message.ids.filter((batchId) => journal.get(batchId)?.committed) })
      case 'heads-request':
        return this.#ctx.send(from, headsAt(journal.logs, message.heights))
      default:
        return undefined
    }
  }

  /**
   * Tells a peer how far this log goes, whether it lacks anything or not: it has no other way to know that it is level. What it says of its own log is not
   * remembered, as a signer's is: nothing here may hang on what a stranger claims to hold.
   */
  #compare(peer: number, { executed, digest, from }: MessageOf<'sync'>): void {
    const { journal } = this.#ctx
    const { length } = journal.logs.executed
    const isAlike = executed === length && digest === journal.logs.executedDigest
    this.#ctx.send(peer, pageOf(journal, isAlike ? length : from))
  }

  /** Tells subscribers what was executed here. */
  executed(executed: readonly ExecutedBatch[]): void {
    if (this.#subscribed.size === 0) return
    for (const { batch, certificate } of executed) {
      // One for all, so that it is encoded once.
      const have: Message = { type: 'have', batch, certificate }
      for (const peer of this.#subscribed) this.#ctx.send(peer, have)
    }
  }
}
