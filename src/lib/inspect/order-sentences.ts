/** Why two batches stand in this order, in one plain sentence for each pair (§5, §8): for neighbours of the final order, or for one batch and those that it conflicts with. */
import type { OrderBatch, OrderData } from './data.js'
import { milliseconds } from './lines.js'
import { type OrderLine, orderShape, pairOf } from './order-shape.js'

/** One sentence for each neighbour pair of the final order: why the first goes before the second (the seed compares neighbours). */
export function orderSentences(data: OrderData): string[] {
  const placed = placedLines(data)
  return placed.slice(1).map((second, i) => sentence(data, placed[i] ?? second, second))
}

/** The sentences of one batch and the nearest ones before and after it that it conflicts with; none where it has no place in the order. */
export function sentencesAbout(data: OrderData, id: string): string[] {
  const placed = placedLines(data)
  const at = placed.findIndex(({ batch }) => batch.id === id)
  const self = placed[at]
  if (!self) return []
  const isRival = ({ batch }: OrderLine) => pairOf(data, batch.id, id) !== undefined
  const before = placed.slice(0, at).findLast(isRival)
  const after = placed.slice(at + 1).find(isRival)
  return [...(before ? [sentence(data, before, self)] : []), ...(after ? [sentence(data, self, after)] : [])]
}

function placedLines(data: OrderData): OrderLine[] {
  return orderShape(data).lines.filter(({ batch }) => data.order.includes(batch.id))
}

function sentence(data: OrderData, first: OrderLine, second: OrderLine): string {
  const start = `${first.name} before ${second.name}:`
  const pair = pairOf(data, first.batch.id, second.batch.id)
  if (!pair) return `${start} they share no key, so neither waits for the other.`
  const saw = `${pair.before[1]} of ${data.n} saw it first`
  const [support, against] = pair.support
  const end = pair.decisive
    ? `${data.quorum} are enough to skip phase 3.`
    : `${data.quorum} are needed to skip phase 3${phase3Text(first.batch, second.batch)}.`
  if (support > against || pair.decisive) return `${start} ${saw}; ${end}`
  const named = second.batch.predecessors.includes(first.batch.id)
  if (named && !first.batch.predecessors.includes(second.batch.id))
    return `${start} ${saw}, and only ${second.name} has the other as its predecessor; ${end}`
  if (support === against) return `${start} ${saw}, as much support either way, so a stronger pair or the smaller id decides; ${end}`
  return `${start} only ${saw}, but stronger pairs of their component put it there: the majorities form a cycle; ${end}`
}

/** "; phase 3 ran in 146 ms": of whichever of the two it ran for, by the word of the signer that was asked. */
function phase3Text(first: OrderBatch, second: OrderBatch): string {
  const runs = [first, second].filter(({ path, ballot }) => path === 'slow' && ballot !== undefined)
  const times = runs.map(({ ballot = 0, phase3Ms }) => {
    const where = ballot === 0 ? '' : ` in ballot ${ballot}${phase3Ms === undefined ? '' : ','}`
    return `${where}${phase3Ms === undefined ? '' : ` in ${milliseconds(phase3Ms)}`}`
  })
  const [only = '', other] = times
  if (runs.length === 0) return ''
  if (other === undefined) return `; phase 3 ran${only}`
  return only === '' && other === '' ? '; phase 3 ran for both' : `; phase 3 ran${only} for the first and${other} for the second`
}
