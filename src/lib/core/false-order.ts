/**
 * Whether a coordinator's order is false by itself (§10): what its value should be, as far as that follows from its proof without anyone's history.
 * Whatever depends on history is no proof: an honest coordinator's order must never be called false.
 */
import { countBits } from '../base/bitmap.js'
import type { Id } from '../base/bytes.js'
import type { Crypto } from '../bls/backend.js'
import { type Certificate, certificateFault, isSignedOrder, type Order, voteSetFault } from './certificate.js'
import type { Manifest } from './manifest.js'
import { forcedValue, promiseSetFault } from './promises.js'
import { valueDigest } from './statement.js'
import { predecessorsOf, type Value } from './tally.js'
import type { Batch } from './transaction.js'
import { baseOf, within } from './view.js'
import type { VoteSet } from './vote-set.js'

/** Why an order is false, or why that does not show. */
export type OrderFinding = { type: 'false'; reason: string } | { type: 'unproved'; reason: string }

const isFalse = (reason: string): OrderFinding => ({ type: 'false', reason })
const unproved = (reason: string): OrderFinding => ({ type: 'unproved', reason })

/** What is false in an order of this coordinator for this batch. Backings are not under its signature: an order with some is refused. */
export function falseOrderFault(crypto: Crypto, manifest: Manifest, coordinator: number, batch: Batch, order: Order): OrderFinding {
  const { proof, value } = order
  if (proof.type === 'promises' && proof.promises.backings.length > 0) return unproved('the order has backings, which its signature does not cover')
  if (!isSignedOrder(crypto, manifest, coordinator, order)) return unproved(`the order is not signed by its coordinator, signer ${coordinator}`)
  if ((order.ballot === 0) !== (proof.type === 'votes')) return isFalse('the wrong kind of proof')
  if (proof.type === 'votes') {
    const { votes } = proof
    const count = votes.entries.reduce((sum, { signers }) => sum + countBits(signers), 0)
    if (count < manifest.quorum) return isFalse(`${count} votes, ${manifest.quorum} are needed`)
    const wrong = voteSetFault(crypto, manifest, batch.id, votes)
    if (wrong !== undefined) return isFalse(`of its votes, ${wrong}`)
    return tallyFinding(manifest, batch, votes, count, value, new Set())
  }
  const { promises } = proof
  const wrong = promiseSetFault({ crypto, manifest }, batch.id, order.ballot, promises)
  if (wrong !== undefined) return isFalse(`of its promises, ${wrong}`)
  const m = promises.statements.reduce((sum, { signers }) => sum + countBits(signers), 0)
  if (m < manifest.quorum) return isFalse(`${m} promises, ${manifest.quorum} are needed`)
  const certified = manifest.deltaMs > 0 ? certifiedFinding(crypto, manifest, order, promises.certificate) : undefined
  if (certified) return certified
  const forced = forcedValue({ manifest }, promises, m)
  if (forced === 'missing') return isFalse('a forced value that is not shown')
  if (forced) {
    const same = valueDigest(manifest.clusterId, forced) === valueDigest(manifest.clusterId, value)
    return same ? unproved('its value is the forced one') : isFalse('another value than the forced one')
  }
  return tallyFinding(manifest, batch, promises.votes, m, value, new Set(promises.statements.flatMap(({ blockers }) => blockers)))
}

/** Rule 0, with the guard on (§9): a certificate shown goes before everything else. What a fast one says needs the history. */
function certifiedFinding(crypto: Crypto, manifest: Manifest, { batchId, value }: Order, certificate: Certificate | null): OrderFinding | undefined {
  if (!certificate) return undefined
  if (certificate.batchId !== batchId) return isFalse('a certificate of another batch')
  const wrong = certificateFault(crypto, manifest, certificate)
  if (wrong !== undefined) return isFalse(`a certificate with ${wrong}`)
  if (certificate.type === 'fast') return unproved('a fast certificate stands behind the value')
  const same = valueDigest(manifest.clusterId, certificate.value) === valueDigest(manifest.clusterId, value)
  return same ? unproved('its value is the certified one') : isFalse('another value than the certified one')
}

/** Compares the value with what the votes say. `blockers`: batches that may be among the predecessors besides those that are counted. */
function tallyFinding(manifest: Manifest, batch: Batch, votes: VoteSet, m: number, value: Value, blockers: ReadonlySet<Id>): OrderFinding {
  const { base, predecessors, tallies } = value
  if (!tallies) return isFalse('a value without counts')
  if (tallies.m !== m) return isFalse(`${tallies.m} votes counted of ${m}`)
  const views = votes.entries.map(({ view }) => view)
  const lowest = baseOf(views, batch.keys)
  if (lowest.size !== base.size || [...lowest].some(([key, height]) => base.get(key) !== height)) return isFalse('another base than its votes’')
  const counted = new Set(predecessorsOf({ votes: m, base, inc: tallies.inc }, manifest))
  if ([...counted].some((named) => !predecessors.includes(named))) return isFalse('it leaves out a predecessor by its own counts')
  if (predecessors.some((named) => !counted.has(named) && !blockers.has(named))) return isFalse('it names a predecessor without the counts for it')
  // Between different heights stand batches that only the history tells.
  if (views.some(({ heights }) => [...within(batch.keys, heights)].some((key) => (heights.get(key) ?? 0) !== (base.get(key) ?? 0))))
    return unproved('its votes begin at different heights, so its counts need the history')
  const inc = new Map<Id, number>()
  for (const { view, signers } of votes.entries) for (const named of view.pending) inc.set(named, (inc.get(named) ?? 0) + countBits(signers))
  if ([...tallies.inc].some(([named, count]) => inc.get(named) !== count)) return isFalse('other counts than its votes’')
  // What a vote lists below the base is rightly not counted, and only the history tells what that is.
  if (base.size === 0 && inc.size !== tallies.inc.size) return isFalse('a batch that its votes name is not counted')
  return unproved('nothing in it is false by itself')
}
