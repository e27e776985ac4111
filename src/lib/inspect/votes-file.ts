/**
 * `inspect order --votes FILE`: reads arrival orders or vote sets by hand and derives the order from them offline, with the same counting and
 * ranking as a signer. Ids are any text there; they compare by their UTF-8 bytes.
 */
import { compareText } from '../base/bytes.js'
import { type Codec, type Decoded, fromJson, list, mapOf, object, text, uint } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import { type Bounds, boundsOf, parseTolerance } from '../core/manifest.js'
import { type DecidedBatch, orderOf, supportOf } from '../core/order.js'
import { isDecisivePair, isFast, predecessorsOf, scoreOf, type Tally } from '../core/tally.js'
import { shareKey } from '../core/transaction.js'
import type { OrderBatch, OrderData, OrderPair } from './data.js'
import { rankedOf, viewsOf } from './group.js'

const MAX_BATCHES = 1000
const name = text(200, 1)
const common = {
  n: uint(LIMITS.signers),
  tolerance: text(15),
  batches: mapOf(name, list(text(LIMITS.keyBytes, 1), LIMITS.keysPerTransaction), MAX_BATCHES),
}
const arrivalsCodec = object({ ...common, arrivals: list(list(name, MAX_BATCHES), LIMITS.signers) })
/** The votes on one batch: whose, and what came before it there. */
export const batchVotesCodec = list(object({ signer: uint(LIMITS.signers), before: list(name, MAX_BATCHES) }), LIMITS.signers)
const votesCodec = object({ ...common, votes: mapOf(name, batchVotesCodec, MAX_BATCHES) })

/** A batch of a votes file: its keys and, for each of its votes, what came before it. */
interface VotedBatch {
  keys: string[]
  votes: { signer: number; before: string[] }[]
}

interface Votes {
  bounds: Bounds
  batches: Map<string, VotedBatch>
  arrivals?: string[][]
}

/** Derives everything of a votes file. Errors: `BAD_ENCODING` or `BAD_INPUT` with the place that is wrong. */
export function deriveFromVotes(json: unknown): OrderData {
  const { bounds, batches, arrivals } = readVotes(json)
  const data = derive(bounds, batches)
  return arrivals ? { ...data, arrivals } : data
}

function readVotes(json: unknown): Votes {
  const isArrivals = typeof json === 'object' && json !== null && 'arrivals' in json
  const file = isArrivals ? readAs(arrivalsCodec, json) : readAs(votesCodec, json)
  if (file.n === 0) throw new MusigError('BAD_INPUT', 'votes file: n is 0; there must be at least one signer')
  const bounds = boundsOf(file.n, parseTolerance(file.tolerance))
  const votes = 'arrivals' in file ? votesOfArrivals(file) : checkedVotes(file)
  const batches = new Map([...file.batches].map(([id, keys]) => [id, { keys, votes: votes.get(id) ?? [] }]))
  return 'arrivals' in file ? { bounds, batches, arrivals: file.arrivals } : { bounds, batches }
}

function readAs<C extends Codec<unknown>>(codec: C, json: unknown): Decoded<C> {
  return fromJson(codec, json, 'votes file') as Decoded<C>
}

type Lists = Map<string, { signer: number; before: string[] }[]>

function votesOfArrivals({ n, batches, arrivals }: Decoded<typeof arrivalsCodec>): Lists {
  if (arrivals.length !== n)
    throw new MusigError('BAD_INPUT', `votes file: ${arrivals.length} arrival lists for ${n} signers; give one for each, [] for one that saw nothing`)
  const votes: Lists = new Map()
  arrivals.forEach((arrived, signer) => {
    if (new Set(arrived).size < arrived.length) throw new MusigError('BAD_INPUT', `votes file: arrivals[${signer}] names a batch twice`)
    arrived.forEach((id, i) => {
      if (!batches.has(id)) throw new MusigError('BAD_INPUT', `votes file: arrivals[${signer}] names “${id}”, which is not among the batches`)
      votes.set(id, [...(votes.get(id) ?? []), { signer, before: arrived.slice(0, i) }])
    })
  })
  return votes
}

function checkedVotes({ n, batches, votes }: Decoded<typeof votesCodec>): Lists {
  for (const [id, list] of votes) {
    if (!batches.has(id)) throw new MusigError('BAD_INPUT', `votes file: votes on “${id}”, which is not among the batches`)
    const twice = list.find(({ signer }, i) => list.findIndex((vote) => vote.signer === signer) < i)
    if (twice) throw new MusigError('BAD_INPUT', `votes file: signer ${twice.signer} votes twice on “${id}”`)
    for (const { signer, before } of list) {
      if (signer >= n) throw new MusigError('BAD_INPUT', `votes file: signer ${signer} votes on “${id}”; there are ${n}, from 0`)
      if (before.includes(id)) throw new MusigError('BAD_INPUT', `votes file: signer ${signer} has “${id}” before itself`)
      const unknown = before.find((named) => !batches.has(named))
      if (unknown !== undefined) throw new MusigError('BAD_INPUT', `votes file: a vote on “${id}” names “${unknown}”, which is not among the batches`)
    }
  }
  return votes
}

/** Counts, decides and orders. The core compares ids as code units; places in the order of bytes stand in for the names. */
function derive(bounds: Bounds, batches: ReadonlyMap<string, VotedBatch>): OrderData {
  const names = [...batches.keys()].sort(compareText)
  const places = new Map(names.map((id, i) => [id, String(i).padStart(6, '0')]))
  const nameOf = (place: string): string => names[Number(place)] ?? place
  const tallies = new Map<string, Tally>()
  const decided = new Map<string, DecidedBatch>()
  const shown: OrderBatch[] = []
  for (const id of names) {
    const place = places.get(id) ?? id
    const { keys, votes } = batches.get(id) ?? { keys: [], votes: [] }
    const conflicts = (named: string) => named !== id && shareKey(keys, batches.get(named)?.keys ?? [])
    const inc = new Map<string, number>()
    for (const { before } of votes) {
      for (const named of new Set(before.filter(conflicts))) inc.set(places.get(named) ?? named, (inc.get(places.get(named) ?? named) ?? 0) + 1)
    }
    const tally: Tally = { votes: votes.length, base: new Map(), inc }
    tallies.set(place, tally)
    const predecessors = predecessorsOf(tally, bounds)
    const fast = isFast(tally, bounds)
    const path = fast ? 'fast' : votes.length >= bounds.quorum ? 'slow' : 'undecided'
    if (path !== 'undecided') decided.set(place, { id: place, keys, predecessors, tallies: fast ? null : { m: votes.length, inc } })
    const score = scoreOf(tally)
    shown.push({
      id,
      keys,
      votes: votes.length,
      score: score / bounds.n,
      decisive: score >= bounds.quorum,
      path,
      predecessors: predecessors.map(nameOf),
      views: viewsOf(votes.map(({ signer, before }) => ({ before: before.filter(conflicts), signers: [signer] }))),
    })
  }
  const ordered = orderOf(withoutOrphans(decided))
  const components = ordered.map((component) => component.map(nameOf))
  const ranked = rankedOf(ordered, decided).map((pair) => ({ ...pair, winner: nameOf(pair.winner), loser: nameOf(pair.loser) }))
  const { n, quorum, inclusion } = bounds
  return { n, quorum, inclusion, batches: shown, pairs: pairsOf(decided, tallies, bounds, nameOf), components, order: components.flat(), ranked }
}

/** Leaves out what needs, directly or not, a batch that is not decided (§13). */
function withoutOrphans(decided: ReadonlyMap<string, DecidedBatch>): Map<string, DecidedBatch> {
  const left = new Map(decided)
  for (let before = -1; before !== left.size; ) {
    before = left.size
    for (const [id, batch] of left) if (batch.predecessors.some((named) => !left.has(named))) left.delete(id)
  }
  return left
}

function pairsOf(
  decided: ReadonlyMap<string, DecidedBatch>,
  tallies: ReadonlyMap<string, Tally>,
  { quorum }: Bounds,
  nameOf: (place: string) => string,
): OrderPair[] {
  const all = [...decided.values()]
  return all.flatMap((a, i) =>
    all
      .slice(i + 1)
      .filter((b) => shareKey(a.keys, b.keys))
      .map((b) => {
        const [countA, countB] = [tallies.get(a.id), tallies.get(b.id)].map((tally) => ({
          m: tally?.votes ?? 0,
          inc: tally?.inc ?? new Map<string, number>(),
        }))
        const before: [number, number] = [countA?.inc.get(b.id) ?? 0, countB?.inc.get(a.id) ?? 0]
        const decisive = isDecisivePair(before[0], countA?.m ?? 0, quorum) && isDecisivePair(before[1], countB?.m ?? 0, quorum)
        const support = supportOf({ id: a.id, tallies: countA ?? null }, { id: b.id, tallies: countB ?? null })
        return { a: nameOf(a.id), b: nameOf(b.id), before, support, decisive }
      }),
  )
}
