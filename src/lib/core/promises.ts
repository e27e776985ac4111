/**
 * What follows from promises (§7): the one value that a coordinator of a ballot above 0 may ask for, computed alike by the coordinator and by
 * everyone who is asked to accept it. Owns the two rules and the checking of what backs a blocker.
 */

import { countBits } from '../base/bitmap.js'
import { equalBytes, type Id, toHex } from '../base/bytes.js'
import { type MultiSignature, mergeMultiSignatures, multiSignatureFault, signersOf, singleSignature } from '../bls/multi-signature.js'
import {
  type Backing,
  backedBatch,
  bareOrder,
  certificateFault,
  certifiedValue,
  isSignedOrder,
  type Order,
  type PromiseSet,
  publicKeysOf,
  voteSetFault,
} from './certificate.js'
import type { Context } from './context.js'
import type { PromiseOf } from './message.js'
import { type PromiseStatement, promiseDigest, valueDigest, voteDigest } from './statement.js'
import { leavesOut, predecessorsOf, slowValue, tallyOf, type Value } from './tally.js'
import type { BatchOutline } from './transaction.js'
import type { View } from './view.js'
import { countedViews, multiSignatureOf, type VoteSet, voteSetOf } from './vote-set.js'

/** What came of reading something that depends on history or bodies which may not be here yet. */
export type Reading<T> =
  | { type: 'read'; value: T }
  | { type: 'behind'; on: string }
  | { type: 'missing'; ids: Id[] }
  | { type: 'fault'; fault: string }

/** Whether a backing shows that its batch holds a value that leaves `batchId` out (§7). */
export function readBacking(ctx: Context, backing: Backing, batchId: Id): Reading<boolean> {
  const { journal, manifest, crypto } = ctx
  const other = journal.outlineOf(backedBatch(backing))
  if (!other) return { type: 'missing', ids: [backedBatch(backing)] }
  if (backing.type === 'order') {
    const coordinator = ctx.coordinatorOf(other, backing.order.ballot)
    if (ctx.rules.backingsVerify && !isSignedOrder(crypto, manifest, coordinator, backing.order))
      return { type: 'fault', fault: 'a backing that its coordinator did not sign' }
    const following = ctx.rules.backingsVerify ? mayFollow(ctx, other, bareOrder(backing.order)) : undefined
    return following && following.type !== 'read' ? following : { type: 'read', value: leavesOut(backing.order.value, batchId, journal.logs) }
  }
  const fault = certificateFault(crypto, manifest, backing.certificate)
  if (fault !== undefined && ctx.rules.backingsVerify) return { type: 'fault', fault: `a backing with ${fault}` }
  const value = journal.get(other.id)?.committed?.value ?? certifiedValue(manifest, backing.certificate, other.keys, journal.logs)
  if (value === 'undecided') return { type: 'fault', fault: 'a backing that decides nothing' }
  if ('behindOn' in value) return { type: 'behind', on: value.behindOn }
  return { type: 'read', value: leavesOut(value, batchId, journal.logs) }
}

/**
 * Whether the value of an order without its backings can be the one that follows from the rest: that of its votes, or all that its promises give
 * without blockers and no more than the blockers that they name. What the votes include cannot be left out by a coordinator that lies.
 */
function mayFollow(ctx: Context, batch: BatchOutline, { ballot, value, proof }: Order): Reading<true> {
  const { clusterId } = ctx.manifest
  if ((ballot === 0) !== (proof.type === 'votes')) return { type: 'fault', fault: 'a backing with the wrong kind of proof' }
  if (proof.type === 'votes') {
    const reading = valueFromVotes(ctx, batch, proof.votes)
    if (reading.type !== 'read') return reading
    return valueDigest(clusterId, reading.value) === valueDigest(clusterId, value)
      ? { type: 'read', value: true }
      : { type: 'fault', fault: 'a backing that does not follow' }
  }
  const { promises } = proof
  const named = new Set(promises.statements.flatMap(({ blockers }) => blockers))
  // A fast certificate may have given way to what a backing showed.
  for (const set of promises.certificate?.type === 'fast' ? [promises, { ...promises, certificate: null }] : [promises]) {
    const reading = valueFromPromises(ctx, batch, ballot, set)
    if (reading.type !== 'read') return reading
    const { predecessors } = reading.value
    const isSame = valueDigest(clusterId, { ...reading.value, predecessors: value.predecessors }) === valueDigest(clusterId, value)
    const isWhole = predecessors.every((one) => value.predecessors.includes(one))
    const isNamed = value.predecessors.every((one) => predecessors.includes(one) || named.has(one))
    if (isSame && isWhole && isNamed) return { type: 'read', value: true }
  }
  return { type: 'fault', fault: 'a backing that does not follow' }
}

/** The value that follows from the votes of ballot 0 where they are not decisive. */
export function valueFromVotes(ctx: Context, batch: BatchOutline, votes: VoteSet): Reading<Value> {
  const { manifest, crypto, journal } = ctx
  const fault = voteSetFault(crypto, manifest, batch.id, votes)
  if (fault !== undefined) return { type: 'fault', fault }
  const count = votes.entries.reduce((sum, { signers }) => sum + countBits(signers), 0)
  if (count < manifest.quorum) return { type: 'fault', fault: `${count} votes, ${manifest.quorum} are needed` }
  const tally = tallyOf(batch.keys, countedViews(votes), journal.logs)
  if ('behindOn' in tally) return { type: 'behind', on: tally.behindOn }
  return { type: 'read', value: slowValue(tally, manifest) }
}

/** The multi-signature over the promise statements of a set. */
function promiseSignatureOf(ctx: Pick<Context, 'manifest'>, batchId: Id, ballot: number, promises: PromiseSet): MultiSignature {
  const entries = promises.statements.map((statement) => ({
    message: promiseDigest(ctx.manifest, batchId, ballot, statement),
    signers: statement.signers,
  }))
  return { entries, signature: promises.signature }
}

/** What is wrong with the signatures of a promise set, or with how its parts fit together, if anything. */
export function promiseSetFault(ctx: Pick<Context, 'manifest' | 'crypto'>, batchId: Id, ballot: number, promises: PromiseSet): string | undefined {
  const { manifest, crypto } = ctx
  const voteFault = voteSetFault(crypto, manifest, batchId, promises.votes)
  if (voteFault !== undefined) return `votes: ${voteFault}`
  const signature = promiseSignatureOf(ctx, batchId, ballot, promises)
  const promiseFault = multiSignatureFault(crypto.bls, publicKeysOf(manifest), signature)
  if (promiseFault !== undefined) return `promises: ${promiseFault}`
  const voters = signersOf(multiSignatureOf(manifest, batchId, promises.votes))
  if (!equalBytes(voters, signersOf(signature))) return 'not the same signers voted and promised'
  for (const { view, signers } of promises.votes.entries) {
    const digest = toHex(voteDigest(manifest, batchId, view))
    for (const statement of promises.statements) {
      const shared = statement.signers.some((byte, i) => (byte & (signers[i] ?? 0)) !== 0)
      if (shared && statement.voteDigest !== digest) return 'a promise with another vote than its signer’s'
    }
  }
  return undefined
}

/** The batches that must go before, for promises name them with a backing that holds (⚠ one without counts for nothing). */
function readBlockers(ctx: Context, batchId: Id, promises: PromiseSet): Reading<Id[]> {
  const blockers = new Set<Id>()
  for (const named of new Set(promises.statements.flatMap((statement) => statement.blockers))) {
    for (const backing of promises.backings) {
      if (backedBatch(backing) !== named || blockers.has(named)) continue
      const reading = readBacking(ctx, backing, batchId)
      if (reading.type === 'behind' || reading.type === 'missing') return reading
      if (reading.type === 'read' && reading.value) blockers.add(named)
    }
  }
  return { type: 'read', value: [...blockers] }
}

/** The value that follows from a set of promises for a batch in a ballot (§7 rules 1 and 2). */
export function valueFromPromises(ctx: Context, batch: BatchOutline, ballot: number, promises: PromiseSet): Reading<Value> {
  const { manifest, journal } = ctx
  const fault = promiseSetFault(ctx, batch.id, ballot, promises)
  if (fault !== undefined) return { type: 'fault', fault }
  const m = promises.statements.reduce((sum, statement) => sum + countBits(statement.signers), 0)
  if (m < manifest.quorum) return { type: 'fault', fault: `${m} promises, ${manifest.quorum} are needed` }
  const certified = certifiedByPromises(ctx, batch, promises)
  if (certified) return certified
  const forced = ctx.rules.forcedValue ? forcedValue(ctx, promises, m) : undefined
  if (forced === 'missing') return { type: 'fault', fault: 'a forced value that is not shown' }
  if (forced) return { type: 'read', value: forced }
  const tally = tallyOf(batch.keys, countedViews(promises.votes), journal.logs)
  if ('behindOn' in tally) return { type: 'behind', on: tally.behindOn }
  const blockers = readBlockers(ctx, batch.id, promises)
  if (blockers.type !== 'read') return blockers
  const value: Value = { base: tally.base, predecessors: predecessorsOf(tally, manifest), tallies: { m, inc: tally.inc } }
  const above = (ctx.rules.blockers ? blockers.value : []).filter((named) => leavesOut(value, named, journal.logs))
  return { type: 'read', value: { ...value, predecessors: [...value.predecessors, ...above].sort() } }
}

/** Rule 0, with the guard on: the highest certificate shown decides, unless it is a fast one that a backing of phase 3 makes void (§9). */
function certifiedByPromises(ctx: Context, batch: BatchOutline, { certificate, backings }: PromiseSet): Reading<Value> | undefined {
  const { manifest, crypto, journal, rules } = ctx
  if (!certificate || !ctx.isGuarded || !rules.certificateFirst) return undefined
  if (certificate.batchId !== batch.id) return { type: 'fault', fault: 'a certificate of another batch' }
  const fault = certificateFault(crypto, manifest, certificate)
  if (fault !== undefined) return { type: 'fault', fault: `a certificate with ${fault}` }
  const value = certifiedValue(manifest, certificate, batch.keys, journal.logs)
  if (value === 'undecided') return { type: 'fault', fault: 'a certificate that decides nothing' }
  if ('behindOn' in value) return { type: 'behind', on: value.behindOn }
  if (certificate.type === 'fast' && rules.fastIsVoid) {
    for (const backing of backings) {
      if (backing.type !== 'certificate' || backing.certificate.type !== 'slow' || !leavesOut(value, backedBatch(backing), journal.logs)) continue
      const reading = readBacking(ctx, backing, batch.id)
      if (reading.type === 'behind' || reading.type === 'missing') return reading
      if (reading.type === 'read' && reading.value) return undefined
    }
  }
  return { type: 'read', value }
}

/** Rule 1: a value that enough promises report as accepted may have been decided, and is taken as it is. */
export function forcedValue(ctx: Pick<Context, 'manifest'>, promises: PromiseSet, m: number): Value | 'missing' | undefined {
  const { n, quorum, asyncByzantineBound, clusterId } = ctx.manifest
  const reports = new Map<Id, number>()
  for (const { accepted, signers } of promises.statements) {
    if (accepted) reports.set(accepted.valueDigest, (reports.get(accepted.valueDigest) ?? 0) + countBits(signers))
  }
  const needed = Math.max(1, m - (n - quorum) - asyncByzantineBound)
  const forced = [...reports].find(([, count]) => count >= needed)
  if (!forced) return undefined
  return promises.values.find((value) => valueDigest(clusterId, value) === forced[0]) ?? 'missing'
}

/** Puts the promises of a ballot together, each verified before: equal statements share an entry. Undefined if a signature is malformed. */
export function promiseSetOf(
  { manifest, crypto }: Context,
  batchId: Id,
  ballot: number,
  promises: ReadonlyMap<number, PromiseOf>,
  certificate: PromiseSet['certificate'],
): PromiseSet | undefined {
  const views = new Map<Id, View>()
  const values = new Map<Id, PromiseOf['value']>()
  const backings = new Map<Id, Backing>()
  const statements = new Map<Id, PromiseStatement>()
  const votes = []
  const shares = []
  for (const [signer, promise] of promises) {
    const message = promiseDigest(manifest, batchId, ballot, promise)
    views.set(promise.voteDigest, promise.view)
    if (promise.accepted) values.set(promise.accepted.valueDigest, promise.value)
    for (const backing of promise.backings) {
      // A certificate shows it to everyone; of two orders either will do.
      if (backing.type === 'certificate') backings.set(backedBatch(backing), backing)
      // Bare, whatever came: an order that carries it is one level deeper.
      else if (!backings.has(backedBatch(backing))) backings.set(backedBatch(backing), { type: 'order', order: bareOrder(backing.order) })
    }
    statements.set(toHex(message), { voteDigest: promise.voteDigest, accepted: promise.accepted, blockers: promise.blockers })
    votes.push(singleSignature(manifest.n, signer, voteDigest(manifest, batchId, promise.view), promise.voteSignature))
    shares.push(singleSignature(manifest.n, signer, message, promise.signature))
  }
  const voteSignature = mergeMultiSignatures(crypto.bls, votes)
  const merged = mergeMultiSignatures(crypto.bls, shares)
  if (!voteSignature || !merged) return undefined
  return {
    votes: voteSetOf(voteSignature, views),
    statements: merged.entries.flatMap(({ message, signers }) => {
      const statement = statements.get(toHex(message))
      return statement ? [{ ...statement, signers }] : []
    }),
    signature: merged.signature,
    values: [...values.values()].filter((value) => value !== null),
    backings: [...backings.values()],
    certificate,
  }
}
