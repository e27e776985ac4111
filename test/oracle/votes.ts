/** Random votes files for comparing derivations: batches submitted within about one hop of time, crashes, liars; and shuffled copies. */
import { SeededRandom } from '../../src/lib/base/prng.js'
import type { VotesFile } from './derive.js'

type Vote = { signer: number; before: string[] }

const TOLERANCES = ['1/2', '0.5', '1/2', '3/5', '0.6', '2/3', '3/4', '0.9', '17/31']

/** Ids whose order by UTF-8 bytes is not that by UTF-16 units, or not that of their numbers. */
const ODD_IDS = ['T', 'T1', 'T10', 'T2', 't', 'ﬀ', '𝕋', '\uffee', '😀', 'é', 'Z', '~']

/** A votes file from a seed: 1 to 20 signers, 1 to 12 batches, 1 to 4 keys; every fifth with `votes`, liars among them. */
export function randomVotes(seed: number | string): VotesFile {
  const random = new SeededRandom(`votes/${seed}`)
  const n = random.upTo(9) === 0 ? 1 + random.upTo(3) : 1 + Math.max(random.upTo(19), random.upTo(19))
  const count = random.upTo(9) === 0 ? 1 + random.upTo(3) : 1 + Math.max(random.upTo(11), random.upTo(11))
  const keyCount = 1 + Math.min(random.upTo(3), random.upTo(3))
  const names = random.upTo(7) === 0 ? ODD_IDS : Array.from({ length: 12 }, (_, i) => `T${i + 1}`)
  const keys = Array.from({ length: keyCount }, (_, i) => `acct:${i}`)
  const batches: Record<string, string[]> = {}
  for (const name of shuffle(names, random).slice(0, count)) batches[name] = shuffle(keys, random).slice(0, 1 + random.upTo(keyCount - 1))

  const base = { n, tolerance: random.pick(TOLERANCES), batches }
  const arrivals = randomArrivals(n, Object.keys(batches), random)
  return random.upTo(4) === 0 ? { ...base, votes: randomVoteSets(batches, arrivals, random) } : { ...base, arrivals }
}

/** Arrival = submit time + one hop's random delay; a crashed signer takes nothing that arrives later. */
function randomArrivals(n: number, ids: string[], random: SeededRandom): string[][] {
  const spreadHops = random.pick([0.2, 0.5, 1, 1, 2, 4, 8, 16])
  const submitted = new Map(ids.map((id) => [id, random.fraction() * spreadHops]))
  const crashes = random.upTo(2) === 0 ? random.upTo(Math.ceil(n / 3)) : 0
  return Array.from({ length: n }, (_, signer) => {
    const end = signer < crashes ? random.fraction() * (spreadHops + 1) : Number.POSITIVE_INFINITY
    const times = ids.map((id) => ({ id, time: (submitted.get(id) ?? 0) + random.fraction() }))
    return times
      .filter((arrival) => arrival.time < end)
      .sort((x, y) => x.time - y.time)
      .map((arrival) => arrival.id)
  })
}

/** Vote sets as a root might hold them: some votes not collected; liars (few, or nearly all) name what they like, both ways, or strangers. */
function randomVoteSets(batches: Record<string, string[]>, arrivals: string[][], random: SeededRandom): Record<string, Vote[]> {
  const ids = Object.keys(batches)
  const liars = random.upTo(2) === 0 ? arrivals.length : random.upTo(Math.ceil(arrivals.length / 2))
  const lossPercent = random.pick([0, 0, 5, 20])
  // All liars lean the same way on a pair, each pair its own way, so that one-sided, disputed and doubly agreed pairs meet in one cycle.
  const leans = new Map(ids.flatMap((id) => ids.map((u) => [`${u} ${id}`, random.pick([0, 3, 50, 97, 100, 100])] as const)))
  const names = (u: string, id: string) => random.upTo(99) < (leans.get(`${u} ${id}`) ?? 0)
  const shares = (x: string, y: string) => x !== y && (batches[x] ?? []).some((key) => (batches[y] ?? []).includes(key))
  const votes: Record<string, Vote[]> = {}
  for (const id of ids) {
    const collected: Vote[] = []
    for (const [signer, arrived] of arrivals.entries()) {
      if (random.upTo(99) < lossPercent) continue
      const stranger = random.upTo(19) === 0
      if (signer < liars) collected.push({ signer, before: ids.filter((u) => (shares(u, id) || (stranger && u !== id)) && names(u, id)) })
      else if (arrived.includes(id)) collected.push({ signer, before: arrived.slice(0, arrived.indexOf(id)).filter((u) => shares(u, id)) })
    }
    if (collected.length > 0) votes[id] = collected
  }
  return votes
}

/** The same file with signers renumbered and everything else listed in another order: whatever is derived from it must be equal. */
export function shuffled(input: VotesFile, seed: number | string): VotesFile {
  const random = new SeededRandom(`shuffle/${seed}`)
  const signers = shuffle(
    Array.from({ length: input.n }, (_, i) => i),
    random,
  )
  const batches = Object.fromEntries(shuffle(Object.entries(input.batches), random).map(([id, keys]) => [id, shuffle(keys, random)]))
  const base = { n: input.n, tolerance: input.tolerance, batches }
  if ('arrivals' in input) return { ...base, arrivals: signers.map((signer) => input.arrivals[signer] ?? []) }
  const votes = shuffle(Object.entries(input.votes), random).map(([id, set]) => {
    const moved = set.map(({ signer, before }) => ({ signer: signers[signer] ?? 0, before: shuffle(before, random) }))
    return [id, shuffle(moved, random)] as const
  })
  return { ...base, votes: Object.fromEntries(votes) }
}

/** A new list in random order. */
function shuffle<T>(items: readonly T[], random: SeededRandom): T[] {
  const list = [...items]
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.upTo(i)
    ;[list[i], list[j]] = [list[j] as T, list[i] as T]
  }
  return list
}
