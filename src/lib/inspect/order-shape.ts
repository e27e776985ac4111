/** A group's order made ready for drawing: batches in their final order, names and letters, who saw what at which place, pairs in the final order. The sentences are `order-sentences`'. */
import { DRAWN, type OrderBatch, type OrderData, type OrderPair, type OrderRank, type OrderView } from './data.js'
import { count, shortIds } from './lines.js'

/** One batch as drawn: `line` numbers it in the final order (undecided ones behind), `name` is its short id, `letter` stands for it where ids are too wide. */
export interface OrderLine {
  readonly batch: OrderBatch
  readonly line: number
  readonly name: string
  readonly letter: string
}

/** One signer's column of the line diagram: the line at each arrival place, first arrival first. */
export interface ArrivalColumn {
  readonly signer: number
  readonly lines: readonly OrderLine[]
}

/** Everything that the order drawings share; `hidden` batches are beyond what is drawn. */
export interface OrderShape {
  readonly lines: readonly OrderLine[]
  readonly hidden: number
  readonly columns: readonly ArrivalColumn[] | undefined
  readonly nameOf: (id: string) => string
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Prepares a group for drawing. Ids in `arrivals` that are no batch of the group are skipped, as is a second mention in one list. */
export function orderShape(data: OrderData): OrderShape {
  const byId = new Map(data.batches.map((batch) => [batch.id, batch]))
  const ids = [...new Set([...data.order.filter((id) => byId.has(id)), ...byId.keys()])]
  const nameOf = shortIds([...ids, ...data.batches.flatMap((batch) => batch.predecessors)])
  const lines = ids.slice(0, DRAWN.batches).flatMap((id, line): OrderLine[] => {
    const batch = byId.get(id)
    return batch ? [{ batch, line, name: nameOf(id), letter: LETTERS[line] ?? '?' }] : []
  })
  const lineOf = new Map(lines.map((line) => [line.batch.id, line]))
  const columns = data.arrivals?.map((list, signer) => ({ signer, lines: [...new Set(list)].flatMap((id) => lineOf.get(id) ?? []) }))
  return { lines, hidden: ids.length - lines.length, columns, nameOf }
}

/** The heading of all order drawings. */
export function orderTitle(data: OrderData): string {
  return `Order of ${data.batches.length} batch${data.batches.length === 1 ? '' : 'es'} · ${count(data.n, 'signer')} · quorum ${data.quorum} · inclusion ${data.inclusion}`
}

/** A pair with `a` as the one that stands first in the final order. */
function turned(pair: OrderPair): OrderPair {
  const { a, b, before, support, decisive } = pair
  return { a: b, b: a, before: [before[1], before[0]], support: [support[1], support[0]], decisive }
}

/** The pair of two batches with `a` first, whichever way round it is listed. */
export function pairOf(data: OrderData, a: string, b: string): OrderPair | undefined {
  const pair = data.pairs.find((each) => (each.a === a && each.b === b) || (each.a === b && each.b === a))
  return pair && pair.a !== a ? turned(pair) : pair
}

/** All pairs, each with the one first that the final order has first, sorted by it; and how many are beyond what is drawn. */
export function orderedPairs(data: OrderData, { lines }: OrderShape): { readonly pairs: readonly OrderPair[]; readonly hidden: number } {
  const rank = new Map(lines.map(({ batch, line }) => [batch.id, line]))
  const place = (id: string) => rank.get(id) ?? Number.MAX_SAFE_INTEGER
  const sorted = data.pairs
    .map((pair) => (place(pair.a) <= place(pair.b) ? pair : turned(pair)))
    .sort((x, y) => place(x.a) - place(y.a) || place(x.b) - place(y.b))
  return { pairs: sorted.slice(0, DRAWN.pairs), hidden: Math.max(0, sorted.length - DRAWN.pairs) }
}

/** The distinct votes on a batch that are listed, and how many others there are, of how many signers. */
export function drawnViews({ views = [] }: OrderBatch): {
  readonly views: readonly OrderView[]
  readonly hidden: number
  readonly hiddenSigners: number
} {
  const rest = views.slice(DRAWN.views)
  return { views: views.slice(0, DRAWN.views), hidden: rest.length, hiddenSigners: rest.reduce((sum, { signers }) => sum + signers.length, 0) }
}

/** What became of a ranked pair, in words. */
export function rankText({ strength, locked }: OrderRank): string {
  const how =
    strength === null ? 'only this way round was agreed' : strength === 0 ? 'as much support either way, the smaller id wins' : `by ${strength}`
  return `${how} · ${locked ? '✓ locked' : '✗ skipped: it would close a cycle'}`
}

/** Whole votes of a score. */
export function scoreVotes(data: OrderData, batch: OrderBatch): number {
  return Math.round(batch.score * data.n)
}

/** The columns with equal arrival orders put together, most frequent first. */
export function arrivalOrders(columns: readonly ArrivalColumn[]): { readonly lines: readonly OrderLine[]; readonly signers: readonly number[] }[] {
  const orders = new Map<string, { lines: readonly OrderLine[]; signers: number[] }>()
  for (const { lines, signer } of columns) {
    const key = lines.map(({ letter }) => letter).join('')
    const known = orders.get(key)
    if (known) known.signers.push(signer)
    else orders.set(key, { lines, signers: [signer] })
  }
  return [...orders.values()].sort((a, b) => b.signers.length - a.signers.length || (a.signers[0] ?? 0) - (b.signers[0] ?? 0))
}
