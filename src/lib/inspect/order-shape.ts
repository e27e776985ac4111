/** A group's order made ready for drawing: batches in their final order, names and letters, who saw what at which place, and a sentence for each neighbour pair. */
import { DRAWN, type OrderBatch, type OrderData, type OrderPair } from './data.js'
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

/** Whole votes of a score. */
export function scoreVotes(data: OrderData, batch: OrderBatch): number {
  return Math.round(batch.score * data.n)
}

/** The pair of two batches with `a` first, whichever way round it is listed. */
function pairOf(data: OrderData, a: string, b: string): OrderPair | undefined {
  const pair = data.pairs.find((each) => (each.a === a && each.b === b) || (each.a === b && each.b === a))
  if (!pair || pair.a === a) return pair
  return { a, b, before: [pair.before[1], pair.before[0]], support: [pair.support[1], pair.support[0]], decisive: pair.decisive }
}

/** One plain sentence for each neighbour pair of the final order: why the first goes before the second (§5, §8; the seed compares neighbours). */
export function orderSentences(data: OrderData): string[] {
  const { lines } = orderShape(data)
  const placed = lines.filter(({ batch }) => data.order.includes(batch.id))
  return placed.slice(1).map((second, i) => sentence(data, placed[i] ?? second, second))
}

function sentence(data: OrderData, first: OrderLine, second: OrderLine): string {
  const start = `${first.name} before ${second.name}:`
  const pair = pairOf(data, first.batch.id, second.batch.id)
  if (!pair) return `${start} they share no key, so neither waits for the other.`
  const saw = `${pair.before[1]} of ${data.n} saw it first`
  const [support, against] = pair.support
  const needed = pair.decisive ? `${data.quorum} are enough to skip phase 3` : `${data.quorum} are needed to skip phase 3`
  if (support > against || pair.decisive) return `${start} ${saw}; ${needed}.`
  const named = second.batch.predecessors.includes(first.batch.id)
  if (named && !first.batch.predecessors.includes(second.batch.id))
    return `${start} ${saw}, and only ${second.name} has the other as its predecessor; ${needed}.`
  if (support === against) return `${start} ${saw}, as much support either way, so a stronger pair or the smaller id decides; ${needed}.`
  return `${start} only ${saw}, but stronger pairs of their component put it there: the majorities form a cycle; ${needed}.`
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
