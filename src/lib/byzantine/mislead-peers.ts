/** The lie for peers (§11): what a liar that answers peers may feed them. It needs no other signer for it, and cannot sign for one. */
import { bitmapOf, membersOf } from '../base/bitmap.js'
import { type Id, toHex } from '../base/bytes.js'
import type { Certificate } from '../core/certificate.js'
import type { Manifest } from '../core/manifest.js'
import type { Message, MessageOf } from '../core/message.js'
import { acceptDigest, valueDigest } from '../core/statement.js'
import type { Value } from '../core/tally.js'
import { makeBatch } from '../core/transaction.js'
import { bending, type LiarTools, type Lie, spoilt } from './liar.js'

/**
 * Feeds peers what is not true: certificates that nobody signed, too few did, another cluster's signers did, or that are another batch's; batches that
 * nobody proposed; what it told before; pages with gaps and repetitions; other logs; or nothing. What it tells signers is left alone.
 */
export function misleadPeers(tools: LiarTools): Lie {
  const { manifest, random } = tools
  const told: MessageOf<'have'>[] = []
  const bend = bending((message, to) => {
    if (to < manifest.n) return message
    switch (message.type) {
      case 'have':
        if (told.length < 64) told.push(message)
        return otherHave(tools, message, told)
      case 'page':
        return { ...message, ids: message.ids.filter(() => random.upTo(3) > 0).flatMap((id) => (random.upTo(3) > 0 ? [id] : [id, id])) }
      case 'heads':
        return { ...message, heads: new Map([...message.heads].map(([key, { height }]) => [key, { height, head: toHex(random.bytes(32)) }])) }
      default:
        return message
    }
  })
  return (event, effects) => (random.upTo(9) > 0 ? bend(event, effects) : effects)
}

function otherHave(tools: LiarTools, message: MessageOf<'have'>, told: readonly MessageOf<'have'>[]): Message | undefined {
  const { manifest, random } = tools
  const { batch, certificate } = message
  if (!certificate) return message
  const value: Value = { base: new Map(), predecessors: [], tallies: null }
  const everyone = bitmapOf(manifest.n, [...manifest.signers.keys()])
  switch (random.upTo(7)) {
    case 0:
      return undefined
    case 1:
      return random.pick(told)
    case 2:
      return { ...message, certificate: random.pick(told).certificate }
    case 3:
      return { ...message, certificate: withSignature(certificate, spoilt(signatureOf(certificate))) }
    case 4:
      return { ...message, certificate: madeUp(tools, manifest, batch.id, value, bitmapOf(manifest.n, [tools.self])) }
    case 5:
      return { ...message, certificate: madeUp(tools, { ...manifest, clusterId: toHex(random.bytes(32)) }, batch.id, value, everyone) }
    case 6: {
      const { epoch, initiator, sequence, time, transactions } = batch
      const [first] = transactions
      if (!first) return message
      const other = makeBatch(tools.crypto.ed25519, manifest.clusterId, tools.linkSecretKey, {
        ...{ epoch, initiator, time, sequence: sequence + 1000 },
        transactions: [{ ...first, nonce: random.bytes(16), client: null, signature: null }],
      })
      return { type: 'have', batch: other, certificate: madeUp(tools, manifest, other.id, value, everyone) }
    }
    default:
      return { ...message, certificate: madeUp(tools, manifest, batch.id, value, everyone) }
  }
}

/** A phase-3 certificate that names these signers, and that keys which the liar made up have signed for each of them. */
function madeUp({ crypto, random }: LiarTools, manifest: Manifest, batchId: Id, value: Value, signers: Uint8Array): Certificate {
  const message = acceptDigest(manifest, batchId, 0, valueDigest(manifest.clusterId, value))
  const signatures = membersOf(signers).map(() => {
    const key = random.bytes(32)
    key[0] = 0
    return crypto.bls.sign(key, message)
  })
  return {
    type: 'slow',
    epoch: manifest.epoch,
    batchId,
    ballot: 0,
    value,
    signers,
    signature: crypto.bls.aggregate(signatures) ?? new Uint8Array(96),
  }
}

function signatureOf(certificate: Certificate): Uint8Array {
  return certificate.type === 'fast' ? certificate.votes.signature : certificate.signature
}

function withSignature(certificate: Certificate, signature: Uint8Array): Certificate {
  return certificate.type === 'fast' ? { ...certificate, votes: { ...certificate.votes, signature } } : { ...certificate, signature }
}
