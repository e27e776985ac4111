/**
 * Invariant D2, seen at the moment of sending: what a signer says for itself (a batch, a vote, an accept, a promise, an order) leaves only when the
 * record of it is durable. Owns what is durable of one signer, by name.
 */
import { hasBit } from '../base/bitmap.js'
import type { Id } from '../base/bytes.js'
import type { Message } from '../core/message.js'
import type { DurableRecord } from '../core/record.js'
import { valueDigest } from '../core/statement.js'
import type { VoteSet } from '../core/vote-set.js'
import { short } from './past.js'

export class DurableFirst {
  readonly #clusterId: Id
  readonly #durable = new Set<string>()

  constructor(clusterId: Id) {
    this.#clusterId = clusterId
  }

  /** A record became durable. */
  recorded(record: DurableRecord): void {
    if (record.type === 'batch') this.#durable.add(`batch ${record.batch.id}`)
    if (record.type === 'vote') this.#durable.add(`vote ${record.batchId}`)
    if (record.type === 'promise') this.#durable.add(`promise ${record.batchId} ${record.ballot}`)
    if (record.type === 'accept' || record.type === 'order') {
      const { batchId, ballot, value } = record.order
      this.#durable.add(`${record.type} ${batchId} ${ballot} ${valueDigest(this.#clusterId, value)}`)
    }
  }

  /** What a message says for its sender, who has this seat, that is not durable yet, in words. */
  early(message: Message, seat: number): string[] {
    return this.#said(message, seat).flatMap((name) => {
      const [what = '', batchId = ''] = name.split(' ')
      return this.#durable.has(name) ? [] : [`${what} of batch ${short(batchId)}`]
    })
  }

  #said(message: Message, seat: number): string[] {
    switch (message.type) {
      case 'propose':
        return message.batch.initiator === seat ? [`batch ${message.batch.id}`] : []
      case 'vote':
        return message.votes ? this.#votes(seat, message.batchId, [message.votes]) : []
      case 'accept':
        return message.accepts ? this.#accepts(seat, message.batchId, [message.accepts]) : []
      case 'shares':
        return [...this.#votes(seat, message.batchId, message.votes), ...this.#accepts(seat, message.batchId, message.accepts)]
      case 'promise':
        return [`vote ${message.batchId}`, `promise ${message.batchId} ${message.ballot}`]
      case 'order': {
        // One of ballot 0 is also passed on; above 0 only its coordinator sends it.
        const { batchId, ballot, value } = message.order
        return ballot > 0 ? [`order ${batchId} ${ballot} ${valueDigest(this.#clusterId, value)}`] : []
      }
      default:
        return []
    }
  }

  #votes(seat: number, batchId: Id, sets: readonly VoteSet[]): string[] {
    return sets.some(({ entries }) => entries.some(({ signers }) => seat >= 0 && hasBit(signers, seat))) ? [`vote ${batchId}`] : []
  }

  #accepts(seat: number, batchId: Id, sets: readonly { ballot: number; valueDigest: Id; signers: Uint8Array }[]): string[] {
    return sets
      .filter(({ signers }) => seat >= 0 && hasBit(signers, seat))
      .map(({ ballot, valueDigest: digest }) => `accept ${batchId} ${ballot} ${digest}`)
  }
}
