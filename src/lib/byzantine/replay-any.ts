/**
 * The lie of saying again what was said before: anything that this liar ever said or heard, at any time and to anyone, as it was, under another
 * ballot, or as the same keys would have signed it in another cluster. Nothing of it may change what others do.
 */
import { bitmapOf } from '../base/bitmap.js'
import { toHex, utf8 } from '../base/bytes.js'
import { digestOf } from '../base/hash.js'
import type { Message } from '../core/message.js'
import { timeoutDigest, voteDigest } from '../core/statement.js'
import { decodeBatch, makeBatch } from '../core/transaction.js'
import type { LiarTools, Lie } from './liar.js'

/** Messages that are kept to be said again. */
const KEPT = 256
const OTHER_CLUSTER = toHex(digestOf(utf8('another cluster')))

/** Says again, at any time and to anyone, what was once said. */
export function replayAny(tools: LiarTools): Lie {
  const { random, self, manifest, said } = tools
  const keep = (message: Message) => {
    if (said.length < KEPT) said.push(message)
    else said[random.upTo(KEPT - 1)] = message
  }
  return (event, effects) => {
    if (event.type === 'message') keep(event.message)
    for (const effect of effects) if (effect.type === 'send') keep(effect.message)
    const to = random.upTo(manifest.n - 1)
    if (said.length === 0 || to === self || random.upTo(3) > 0) return effects
    const change = random.pick([(message: Message) => message, inAnotherBallot, inAnotherCluster])
    return [...effects, { type: 'send', to, message: change(random.pick(said), tools) }]
  }
}

function inAnotherBallot(message: Message, { random }: LiarTools): Message {
  return 'ballot' in message ? { ...message, ballot: message.ballot + 1 + random.upTo(2) } : message
}

/** What this signer says alone, signed for another cluster. */
function inAnotherCluster(message: Message, { self, manifest, crypto, blsSecretKey, linkSecretKey }: LiarTools): Message {
  const other = { ...manifest, clusterId: OTHER_CLUSTER }
  if (message.type === 'timeout') {
    return { ...message, signature: crypto.bls.sign(blsSecretKey, timeoutDigest(other, message.batchId, message.ballot)) }
  }
  if (message.type === 'propose' && message.batch.initiator === self) {
    const { epoch, initiator, sequence, time, transactions } = message.batch
    const made = makeBatch(crypto.ed25519, OTHER_CLUSTER, linkSecretKey, { epoch, initiator, sequence, time, transactions })
    return { ...message, batch: decodeBatch(manifest.clusterId, made.bytes) }
  }
  const view = message.type === 'vote' ? message.votes?.entries[0]?.view : undefined
  if (message.type !== 'vote' || !view) return message
  const signature = crypto.bls.sign(blsSecretKey, voteDigest(other, message.batchId, view))
  return { ...message, votes: { entries: [{ view, signers: bitmapOf(manifest.n, [self]) }], signature } }
}
