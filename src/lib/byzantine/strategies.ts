/**
 * The lies by name (§10): each one bends the messages of an honest signer in one way. Owns the table; what is for
 * peers only is `mislead-peers.ts`, several liars together are `conspiracy.ts`. */
import { bitmapOf, hasBit } from '../base/bitmap.js'
import { type Id, toHex, utf8 } from '../base/bytes.js'
import { digestOf } from '../base/hash.js'
import { mergeMultiSignatures, signersOf } from '../bls/multi-signature.js'
import { type Order, signOrder } from '../core/certificate.js'
import type { MessageOf } from '../core/message.js'
import { prepareDigest, timeoutDigest, voteDigest } from '../core/statement.js'
import { fastValue, isFast, slowValue, tallyOf } from '../core/tally.js'
import { type Batch, makeBatch } from '../core/transaction.js'
import type { View } from '../core/view.js'
import { countedViews, multiSignatureOf, type VoteSet, voteSetOf } from '../core/vote-set.js'
import { bending, changedPromise, type LiarTools, type Lie, signedVote, spoilt } from './liar.js'
import { misleadPeers } from './mislead-peers.js'
import { replayAny } from './replay-any.js'

/** Says nothing at all. */
function silent(): Lie {
  return bending(() => undefined)
}

/** Passes others' messages on, and never votes, accepts or promises. */
function withhold({ self, manifest }: LiarTools): Lie {
  return bending((message) => {
    if (message.type === 'promise' || message.type === 'timeout') return undefined
    const own = message.type === 'vote' ? message.votes?.entries : message.type === 'accept' && message.accepts ? [message.accepts] : undefined
    return own?.some(({ signers }) => isOnly(signers, self, manifest.n)) ? undefined : message
  })
}

/** Gives every signer another view of what came before. */
function equivocate(tools: LiarTools): Lie {
  return changingVotes(tools, (view) => ({ ...view, pending: view.pending.filter(() => tools.random.upTo(1) === 0) }))
}

/** Turns its view round: what came before came after, and what it knows besides came before. */
function flip(tools: LiarTools): Lie {
  return changingVotes(tools, (view, batchId) => {
    const keys = tools.journal.get(batchId)?.batch.keys ?? []
    const others = [...tools.journal.pendingOn(keys)].filter((named) => named !== batchId && !view.pending.includes(named))
    return { ...view, pending: others.sort() }
  })
}

/** Names predecessors that do not exist. */
function invent(tools: LiarTools): Lie {
  return changingVotes(tools, (view) => ({ ...view, pending: [...view.pending, toHex(tools.random.bytes(32))].sort() }))
}

/** Claims a history that nobody has. */
function boast(tools: LiarTools): Lie {
  return changingVotes(tools, (view, batchId) => {
    const [key] = tools.journal.get(batchId)?.batch.keys ?? []
    if (key === undefined) return view
    return { ...view, heights: new Map([...view.heights, [key, (view.heights.get(key) ?? 0) + 1 + tools.random.upTo(900)] as const]) }
  })
}

/** Signs another view wherever its own vote leaves alone, in the tree or in a promise. */
function changingVotes(tools: LiarTools, change: (view: View, batchId: Id) => View): Lie {
  const { self, manifest } = tools
  return bending((message) => {
    if (message.type === 'promise') return changedPromise(tools, message, { view: change(message.promise.view, message.batchId) })
    if (message.type !== 'vote' || !message.votes) return message
    const [entry, ...rest] = message.votes.entries
    if (!entry || rest.length > 0 || !isOnly(entry.signers, self, manifest.n)) return message
    const view = change(entry.view, message.batchId)
    const votes: VoteSet = { entries: [{ view, signers: entry.signers }], signature: signedVote(tools, message.batchId, view) }
    return { ...message, votes }
  })
}

/** Spoils the signature of what it sends up. */
function badShare({ random }: LiarTools): Lie {
  return bending((message) => {
    if (message.type === 'vote' && message.votes) return { ...message, votes: { ...message.votes, signature: spoilt(message.votes.signature) } }
    if (message.type === 'accept' && message.accepts)
      return { ...message, accepts: { ...message.accepts, signature: random.upTo(1) === 0 ? spoilt(message.accepts.signature) : random.bytes(96) } }
    return message
  })
}

/** Claims the votes of its whole subtree for its own view. */
function lieSubtree(tools: LiarTools): Lie {
  const { journal } = tools
  return bending((message) => {
    if (message.type !== 'vote' || !message.votes) return message
    const known = journal.get(message.batchId)
    const [entry] = message.votes.entries
    if (!known || !entry) return message
    const all = message.votes.entries.reduce(
      (sum, { signers }) => sum.map((byte, i) => byte | (signers[i] ?? 0)),
      new Uint8Array(entry.signers.length),
    )
    const view = known.vote?.view ?? entry.view
    return { ...message, votes: { entries: [{ view, signers: all }], signature: signedVote(tools, message.batchId, view) } }
  })
}

/** Two batches under one sequence number: each goes to a part of the tree. */
function twoFacedInitiator(tools: LiarTools): Lie {
  const twins = new Map<Id, Batch>()
  const twinOf = (batch: Batch): Batch => {
    let twin = twins.get(batch.id)
    if (!twin) {
      const { epoch, initiator, sequence, time, transactions } = batch
      twin = makeBatch(tools.crypto.ed25519, tools.manifest.clusterId, tools.linkSecretKey, {
        epoch,
        initiator,
        sequence,
        time: time + 1,
        transactions,
      })
      twins.set(batch.id, twin)
    }
    return twin
  }
  return bending((message, to) => {
    if (message.type !== 'propose' || message.batch.initiator !== tools.self || to % 2 === 0) return message
    return { ...message, batch: twinOf(message.batch) }
  })
}

/** Sends its own batches to a part of the tree only. */
function halfProposal({ self }: LiarTools): Lie {
  return bending((message, to) => (message.type === 'propose' && message.batch.initiator === self && to % 2 === 0 ? undefined : message))
}

/** As a root shows different signers different vote sets, each of which it really got. */
function twoFacedRoot(tools: LiarTools): Lie {
  const { manifest, crypto, linkSecretKey, journal } = tools
  const shares = new Map<Id, VoteSet[]>()
  const others = new Map<Id, Order | null>()
  const otherOrder = (order: Order): Order | null => {
    const known = journal.get(order.batchId)
    const own = known?.vote && {
      entries: [{ view: known.vote.view, signers: bitmapOf(manifest.n, [tools.self]) }],
      signature: known.vote.signature,
    }
    const sets = [...(own ? [own] : []), ...(shares.get(order.batchId) ?? [])].filter(() => tools.random.upTo(4) > 0)
    const merged = mergeMultiSignatures(
      crypto.bls,
      sets.map((set) => multiSignatureOf(manifest, order.batchId, set)),
    )
    if (!known || !merged) return null
    const views = new Map(sets.flatMap(({ entries }) => entries.map(({ view }) => [toHex(voteDigest(manifest, order.batchId, view)), view] as const)))
    const votes = voteSetOf(merged, views)
    const tally = tallyOf(known.batch.keys, countedViews(votes), journal.logs)
    if ('behindOn' in tally || tally.votes < manifest.quorum) return null
    const value = isFast(tally, manifest) ? fastValue(tally, manifest) : slowValue(tally, manifest)
    return signOrder(crypto, manifest, linkSecretKey, { batchId: order.batchId, ballot: 0, value, proof: { type: 'votes', votes } })
  }
  const bend = bending((message, to) => {
    if (message.type !== 'order' || message.order.ballot !== 0 || journal.get(message.order.batchId)?.batch.initiator !== tools.self) return message
    if (!others.has(message.order.batchId)) others.set(message.order.batchId, otherOrder(message.order))
    const other = others.get(message.order.batchId)
    return other && to % 2 === 0 ? { type: 'order', order: other } : message
  })
  return (event, effects) => {
    if (event.type === 'message' && event.message.type === 'vote' && event.message.votes) {
      const { batchId, votes } = event.message
      const known = shares.get(batchId) ?? []
      const signers = signersOf(multiSignatureOf(manifest, batchId, votes))
      const isNew = known.every((set) => set.entries.every((entry) => entry.signers.every((byte, i) => (byte & (signers[i] ?? 0)) === 0)))
      if (isNew) shares.set(batchId, [...known, votes])
    }
    return bend(event, effects)
  }
}

/** Leaves votes out of what it passes up and down: as a root it counts only some. */
function censor({ random }: LiarTools): Lie {
  return bending((message) => (message.type === 'vote' && random.upTo(2) === 0 ? undefined : message))
}

/** Keeps every certificate back. */
function withheldCertificate(): Lie {
  return bending((message) => {
    if (message.type === 'certificate') return undefined
    return message.type === 'have' ? { ...message, certificate: null } : message
  })
}

/** Gives certificates to one signer only. */
function certificateToOne({ self, manifest }: LiarTools): Lie {
  const chosen = (self + 1) % manifest.n
  return bending((message, to) => (message.type === 'certificate' && to !== chosen ? undefined : message))
}

/** Asks for a value that does not follow from what it shows. */
function unjustifiedOrder(tools: LiarTools): Lie {
  const { crypto, manifest, linkSecretKey, random } = tools
  return bending((message) => {
    if (message.type !== 'order') return message
    const { batchId, ballot, value, proof } = message.order
    const predecessors = value.predecessors.filter(() => random.upTo(1) === 0)
    const changed = { ...value, predecessors: predecessors.length < value.predecessors.length ? predecessors : [toHex(digestOf(utf8(batchId)))] }
    return { type: 'order', order: signOrder(crypto, manifest, linkSecretKey, { batchId, ballot, value: changed, proof }) }
  })
}

/** Names blockers that nothing backs. */
function falseBlockers(tools: LiarTools): Lie {
  return bending((message) => {
    if (message.type !== 'promise') return message
    const keys = tools.journal.get(message.batchId)?.batch.keys ?? []
    const others = [...tools.journal.pendingOn(keys)].filter((named) => named !== message.batchId)
    const blockers = [...new Set([...message.promise.blockers, ...others, toHex(tools.random.bytes(32))])].sort()
    return changedPromise(tools, message, { blockers })
  })
}

/** Denies what it accepted. */
function hiddenAccepts(tools: LiarTools): Lie {
  return bending((message) =>
    message.type === 'promise'
      ? changedPromise(tools, message, { accepted: null, value: null, certificate: null, blockers: [], backings: [] })
      : message,
  )
}

/** Asks for ballots that nobody wants. */
function preEmpt(tools: LiarTools): Lie {
  const { manifest, crypto, blsSecretKey, linkSecretKey, random, self } = tools
  return (_event, effects) => {
    if (random.upTo(7) > 0) return effects
    const batchId = [...tools.journal.undecided][0]
    if (batchId === undefined) return effects
    const ballot = 1 + random.upTo(3 * manifest.n)
    const signature = crypto.bls.sign(blsSecretKey, timeoutDigest(manifest, batchId, ballot))
    const prepare: MessageOf<'prepare'> = {
      type: 'prepare',
      batchId,
      ballot,
      timeouts: { signers: bitmapOf(manifest.n, [self]), signature },
      signature: crypto.ed25519.sign(linkSecretKey, prepareDigest(manifest, batchId, ballot)),
    }
    const to = random.upTo(manifest.n - 1)
    if (to === self) return effects
    return [...effects, { type: 'send', to, message: { type: 'timeout', batchId, ballot, signature } }, { type: 'send', to, message: prepare }]
  }
}

/** Says again, at any time and to anyone, what it once said. */
function replay({ random, self, manifest, said }: LiarTools): Lie {
  return (_event, effects) => {
    for (const effect of effects) if (effect.type === 'send' && said.length < 256) said.push(effect.message)
    const to = random.upTo(manifest.n - 1)
    if (said.length === 0 || to === self || random.upTo(3) > 0) return effects
    return [...effects, { type: 'send', to, message: random.pick(said) }]
  }
}

function isOnly(signers: Uint8Array, self: number, n: number): boolean {
  const own = bitmapOf(n, [self])
  return hasBit(signers, self) && signers.every((byte, i) => byte === own[i])
}

/** Every lie by its name. */
export const STRATEGIES = {
  silent,
  withhold,
  equivocate,
  flip,
  invent,
  boast,
  'bad-share': badShare,
  'lie-subtree': lieSubtree,
  'two-faced-initiator': twoFacedInitiator,
  'half-proposal': halfProposal,
  'two-faced-root': twoFacedRoot,
  censor,
  'withheld-certificate': withheldCertificate,
  'certificate-to-one': certificateToOne,
  'unjustified-order': unjustifiedOrder,
  'false-blockers': falseBlockers,
  'hidden-accepts': hiddenAccepts,
  'pre-empt': preEmpt,
  replay,
  'mislead-peers': misleadPeers,
  'replay-any': replayAny,
} as const satisfies Record<string, (tools: LiarTools) => Lie>

/** The name of a lie. */
export type Strategy = keyof typeof STRATEGIES
