/**
 * The seed's line diagram in a terminal: signers across, arrival place up, one mark for each batch; where the signers do not fit into the width,
 * a summary of their arrival orders and of the places instead. The tables that belong to it are in `order-tables`.
 */
import { DRAWN, type OrderData } from './data.js'
import { columns, count, type Line, type Piece, pad, printLines, type TextOptions } from './lines.js'
import { type ArrivalColumn, arrivalOrders, type OrderLine, type OrderShape, orderShape, orderTitle } from './order-shape.js'

const GUTTER = 6
/** Columns of a name that fits into a cell. */
const SHORT_NAME = 4

/** The line diagram of a group as text ("Ordering transactions" of the seed): the batch that lies below another for most signers goes first. */
export function drawOrderText(data: OrderData, options: TextOptions): string {
  const shape = orderShape(data)
  const body = shape.columns ? diagram(shape, shape.columns, options.width) : [['The arrival orders are not known here, only the votes on pairs.']]
  const hidden: Line[] = shape.hidden > 0 ? [[['faint', `${shape.hidden} more batches are not drawn.`]]] : []
  return printLines([[['strong', orderTitle(data)]], [], ...body, ...hidden], options)
}

/** What stands for a batch in a narrow cell: its name where all names are short, else its letter. */
export function markOf({ lines }: OrderShape, line: OrderLine): string {
  return lines.every(({ name }) => columns(name) <= SHORT_NAME) ? line.name : line.letter
}

/** How a batch is painted in a terminal: its line's colour. */
export function lineColor({ line }: OrderLine): number {
  return 31 + (line % 6)
}

function diagram(shape: OrderShape, signers: readonly ArrivalColumn[], width: number): Line[] {
  const widest = Math.max(0, ...shape.lines.map(({ name }) => columns(name)))
  const fits = (cell: number) => GUTTER + signers.length * cell <= width
  const named = widest <= SHORT_NAME && fits(widest + 1)
  const cell = named ? Math.max(widest + 1, 3) : fits(3) ? 3 : 2
  if (!fits(cell)) return summary(shape, signers, width)
  const label = named ? (line: OrderLine) => line.name : (line: OrderLine) => line.letter
  return [...grid(signers, cell, label), ...(named ? [] : [[], ...key(shape, width)])]
}

function grid(signers: readonly ArrivalColumn[], cell: number, label: (line: OrderLine) => string): Line[] {
  const height = Math.max(1, ...signers.map(({ lines }) => lines.length))
  const rows = Array.from({ length: height }, (_, i): Line => {
    const place = height - i
    const cells = signers.map(({ lines }): Piece => {
      const line = lines[place - 1]
      return line ? [lineColor(line), pad(label(line), cell, 'right')] : ['faint', pad('·', cell, 'right')]
    })
    return [['faint', `${pad(String(place), 4, 'right')} │`], ...cells]
  })
  return [
    [['faint', 'place of arrival, first at the bottom']],
    ...rows,
    [['faint', `     └${'─'.repeat(signers.length * cell + 1)}`]],
    ...axis(signers, cell),
  ]
}

/** The signers' numbers under the grid, digits below one another where a cell is too narrow for them. */
function axis(signers: readonly ArrivalColumn[], cell: number): Line[] {
  const digits = String(signers.length - 1).length
  const start = ' '.repeat(GUTTER)
  if (digits < cell) return [[['faint', `${start}${signers.map(({ signer }) => pad(String(signer), cell, 'right')).join('')}  signer`]]]
  return Array.from({ length: digits }, (_, row): Line => {
    const cells = signers.map(({ signer }) => pad(String(signer).padStart(digits)[row] ?? '', cell, 'right'))
    return [['faint', `${start}${cells.join('')}${row === digits - 1 ? '  signer' : ''}`]]
  })
}

/** Which letter stands for which batch, in the final order, several to a line. */
function key(shape: OrderShape, width: number): Line[] {
  const widest = Math.max(...shape.lines.map(({ name }) => columns(name))) + 5
  const perLine = Math.max(1, Math.floor(width / widest))
  const lines: Line[] = []
  for (let i = 0; i < shape.lines.length; i += perLine)
    lines.push(shape.lines.slice(i, i + perLine).flatMap((line): Piece[] => [[lineColor(line), line.letter], pad(` ${line.name}`, widest - 1)]))
  return lines
}

function summary(shape: OrderShape, signers: readonly ArrivalColumn[], width: number): Line[] {
  const orders = arrivalOrders(signers)
  const shown = orders.slice(0, DRAWN.arrivalOrders)
  const rest = orders.slice(shown.length)
  const listed = shown.map(({ lines, signers: those }): Line => {
    const who = those.length === 1 ? `signer ${those[0]}` : `${those.length} signers`
    return [`  ${pad(who, 13)}`, ...(lines.length === 0 ? ['saw none'] : lines.map((line): Piece => [lineColor(line), `${line.letter} `]))]
  })
  const others = rest.reduce((sum, { signers: those }) => sum + those.length, 0)
  return [
    [`${count(signers.length, 'signer')} do not fit into ${width} columns.`],
    ['Their arrival orders, first arrival on the left, most frequent first:'],
    ...listed,
    ...(rest.length === 0 ? [] : [[`  ${count(others, 'more signer')} in ${count(rest.length, 'other order')}`]]),
    [],
    ...places(shape, signers),
    [],
    ...key(shape, width),
  ]
}

/** For each place of arrival, how many signers saw which batch there. */
function places(shape: OrderShape, signers: readonly ArrivalColumn[]): Line[] {
  const cell = String(signers.length).length + 1
  const rows = shape.lines.map((_, i): Line => {
    const place = shape.lines.length - i
    const cells = shape.lines.map((line): Piece => {
      const seen = signers.filter(({ lines }) => lines[place - 1] === line).length
      return seen === 0 ? ['faint', pad('·', cell, 'right')] : [lineColor(line), pad(String(seen), cell, 'right')]
    })
    return [['faint', `${pad(String(place), 4, 'right')} │`], ...cells]
  })
  const letters = shape.lines.map((line): Piece => [lineColor(line), pad(line.letter, cell, 'right')])
  return [['How many signers saw which batch at which place of arrival, first at the bottom:'], ...rows, [['faint', '      '], ...letters]]
}
