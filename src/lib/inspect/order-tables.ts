/**
 * How a group's order came about, as text: votes and how many said the same, pairs, scores against the quorum, predecessors, components and their ranked pairs,
 * the final order, and a sentence for each neighbour pair.
 */
import { DRAWN, type OrderBatch, type OrderData } from './data.js'
import { bar, columns, count, type Line, type Piece, pad, printLines, type TextOptions, wrap } from './lines.js'
import { orderSentences } from './order-sentences.js'
import { type ArrivalColumn, drawnViews, type OrderShape, orderedPairs, orderShape, rankText, scoreVotes } from './order-shape.js'
import { lineColor, markOf } from './order-text.js'

const BAR = 24

/** The tables of a group as text (§5, §8); with `drawOrderText` above it, all that `inspect order` says. */
export function explainOrderText(data: OrderData, options: TextOptions): string {
  const shape = orderShape(data)
  const sections = [
    ...(shape.columns && shape.columns.length <= DRAWN.unsortedSigners ? [votes(shape, shape.columns, options.width)] : []),
    distinctVotes(data, shape, options.width),
    pairs(data, shape, options.width),
    scores(data, shape, options.width),
    predecessors(data, shape, options.width),
    components(data, shape, options.width),
    ranked(data, shape, options.width),
    finalOrder(data, shape, options.width),
  ]
  return printLines(
    sections.filter((section) => section.length > 0).flatMap((section, i): Line[] => (i === 0 ? section : [[], ...section])),
    options,
  )
}

/** A section's title, and what its columns mean in faint text beside it. */
function heading(title: string, note: string, width: number): Line[] {
  const [first = '', ...rest] = wrap(note, Math.max(20, width - title.length - 3))
  return [
    [
      ['strong', title],
      ['faint', `  ${first}`],
    ],
    ...rest.map((line): Line => [['faint', `${' '.repeat(title.length + 2)}${line}`]]),
  ]
}

/** Signers down, batches across, the place of arrival in each cell; in blocks where the batches do not fit side by side. */
function votes(shape: OrderShape, signers: readonly ArrivalColumn[], width: number): Line[] {
  const room = Math.max(10, width - 8)
  const cell = Math.max(2, ...shape.lines.map(({ name }) => columns(name))) + 2
  const perBlock = Math.max(1, Math.floor(room / cell))
  const blocks: Line[] = []
  for (let i = 0; i < shape.lines.length; i += perBlock) {
    const across = shape.lines.slice(i, i + perBlock)
    blocks.push([['faint', 'signer  '], ...across.map((line): Piece => [lineColor(line), pad(line.name, cell, 'right')])])
    for (const { signer, lines } of signers) {
      const cells = across.map((line): Piece => {
        const place = lines.indexOf(line) + 1
        return place === 0 ? ['faint', pad('·', cell, 'right')] : pad(String(place), cell, 'right')
      })
      blocks.push([pad(String(signer), 6, 'right'), '  ', ...cells])
    }
  }
  return [...heading('Votes', 'place of arrival at each signer; · not voted', width), ...blocks]
}

/** For each batch its distinct votes, a bar for how many signers gave each; what a vote has before the batch stands as marks below one another. */
function distinctVotes(data: OrderData, shape: OrderShape, width: number): Line[] {
  const voted = shape.lines.filter(({ batch }) => (batch.views ?? []).length > 0)
  if (voted.length === 0) return []
  const wide = Math.max(6, ...shape.lines.map(({ name }) => columns(name)))
  const cell = Math.max(...shape.lines.map((line) => columns(markOf(shape, line)))) + 1
  const room = Math.max(6, Math.min(BAR, width - wide - shape.lines.length * cell - 11))
  const rows = voted.flatMap((line): Line[] => {
    const { views, hidden, hiddenSigners } = drawnViews(line.batch)
    const listed = views.map(({ before, signers }, i): Line => {
      const cells = shape.lines.map((other): Piece => {
        if (other === line) return ['faint', pad('—', cell, 'right')]
        return before.includes(other.batch.id) ? [lineColor(other), pad(markOf(shape, other), cell, 'right')] : ['faint', pad('·', cell, 'right')]
      })
      const name: Piece = i === 0 ? [lineColor(line), pad(line.name, wide)] : pad('', wide)
      const filled = '█'.repeat(Math.max(1, Math.round((signers.length / data.n) * room)))
      return [' ', name, pad(String(signers.length), 6, 'right'), ` ${pad(filled, room)} `, ...cells]
    })
    const rest = `${count(hidden, 'more vote')} of ${count(hiddenSigners, 'signer')}`
    return [...listed, ...(hidden > 0 ? [[['faint', ` ${pad('', wide + 2)}${rest}`] as const]] : [])]
  })
  return [...heading('Distinct votes', 'how many signers say the same, and what they have before the batch', width), ...rows]
}

function pairs(data: OrderData, shape: OrderShape, width: number): Line[] {
  const { pairs: drawn, hidden } = orderedPairs(data, shape)
  const wide = Math.max(6, ...shape.lines.map(({ name }) => columns(name)))
  const votesOf = new Map(data.batches.map(({ id, votes: m }) => [id, m]))
  const rows = drawn.map((pair): Line => {
    const onA = `${pair.before[0]}/${votesOf.get(pair.a) ?? '?'}`
    const onB = `${pair.before[1]}/${votesOf.get(pair.b) ?? '?'}`
    const support = `${pair.support[0]} : ${pair.support[1]}`
    return [
      ` ${pad(shape.nameOf(pair.a), wide)}  ${pad(shape.nameOf(pair.b), wide)}  ${pad(onA, 9, 'right')}  ${pad(onB, 9, 'right')}  ${pad(support, 11, 'right')}  `,
      pair.decisive ? ['good', '✓ decisive'] : ['warn', '– not decisive'],
    ]
  })
  if (rows.length === 0) return heading('Pairs', 'no two of these batches share a key', width)
  const head = ` ${pad('a', wide)}  ${pad('b', wide)}  ${pad('a names b', 9, 'right')}  ${pad('b names a', 9, 'right')}  ${pad('support', 11, 'right')}`
  const note = 'votes that name the other; support for a first : for b first'
  return [
    ...heading('Pairs', note, width),
    [['faint', head]],
    ...rows,
    ...(hidden > 0 ? [[['faint', ` ${count(hidden, 'more pair')}`] as const]] : []),
  ]
}

function scores(data: OrderData, shape: OrderShape, width: number): Line[] {
  const wide = Math.max(6, ...shape.lines.map(({ name }) => columns(name)))
  const rows = shape.lines.flatMap((line): Line[] => {
    const { batch } = line
    const reached = scoreVotes(data, batch)
    const { filled, rest } = bar(reached, data.quorum, data.n, BAR)
    const tone = reached >= data.quorum ? 'good' : 'warn'
    const numbers = `${pad(`${reached}/${data.n}`, 10, 'right')}  ${batch.score.toFixed(2)}  ${pad(`${batch.votes} votes`, 10, 'right')}  `
    return [[' ', [lineColor(line), pad(line.name, wide)], '  ', [tone, filled], ['faint', rest], numbers, pathPiece(batch)]]
  })
  const hidden: Line[] = shape.hidden > 0 ? [[['faint', ` ${shape.hidden} more batches`]]] : []
  return [...heading('Scores', `least agreed pair; ${data.quorum} of ${data.n}, the stroke, skip phase 3`, width), ...rows, ...hidden]
}

/** What goes before each batch: the ids that more than `inclusion` votes name. */
function predecessors(data: OrderData, shape: OrderShape, width: number): Line[] {
  const rows = shape.lines.flatMap(({ batch, name }) => {
    const named = batch.predecessors.slice(0, DRAWN.batches).map((id) => shape.nameOf(id))
    const more = batch.predecessors.length - named.length
    return indented(`${name} after ${(more > 0 ? [...named, `${more} more`] : named).join(', ') || 'nothing'}`, width)
  })
  return [...heading('Predecessors', `batches that more than ${data.inclusion} votes name`, width), ...rows]
}

function pathPiece(batch: OrderBatch): Piece {
  if (batch.path === 'fast') return ['good', pad('fast', 9)]
  return batch.path === 'slow' ? ['warn', pad('slow', 9)] : ['faint', pad('undecided', 9)]
}

function components(data: OrderData, shape: OrderShape, width: number): Line[] {
  const groups = data.components.slice(0, DRAWN.batches).map((ids) => `{${ids.map((id) => shape.nameOf(id)).join(' ')}}`)
  if (groups.length === 0) return []
  const more = data.components.length - groups.length
  const said = more > 0 ? [...groups, `and ${more} more`] : groups
  return [...heading('Components', 'batches that name each other, in the order of execution', width), ...indented(said.join(' '), width)]
}

function ranked({ ranked: all = [] }: OrderData, shape: OrderShape, width: number): Line[] {
  if (all.length === 0) return []
  const rows = all.slice(0, DRAWN.pairs).map((pair): Line => {
    const tone = pair.locked ? 'good' : 'warn'
    return [` ${shape.nameOf(pair.winner)} → ${shape.nameOf(pair.loser)}  `, [tone, rankText(pair)]]
  })
  const more = all.length - rows.length
  const rest: Line[] = more > 0 ? [[['faint', ` ${count(more, 'more pair')}`]]] : []
  return [...heading('Ranked pairs', 'inside components: by how much support the first leads, strongest first', width), ...rows, ...rest]
}

function finalOrder(data: OrderData, shape: OrderShape, width: number): Line[] {
  if (data.order.length === 0) return heading('Order', 'nothing is decided yet', width)
  const names = data.order.slice(0, DRAWN.batches).map((id) => shape.nameOf(id))
  const more = data.order.length - names.length
  const said = (more > 0 ? [...names, `${more} more`] : names).join(' → ')
  return [...heading('Order', '', width), ...indented(said, width), ...orderSentences(data).flatMap((sentence) => indented(sentence, width))]
}

/** Text broken to the width: the first line one column in, the others three. */
function indented(text: string, width: number): Line[] {
  return wrap(text, Math.max(20, width - 3)).map((line, i) => [`${i === 0 ? ' ' : '   '}${line}`])
}
