/** Tables for people: lines between head and body on a terminal, bare columns in a pipe. Never colours of its own. */
import type { TableConstructorOptions } from 'cli-table3'
import { styled } from './color.js'

/** One cell; numbers stand to the right, undefined is shown as `-`. */
export type Cell = string | number | boolean | undefined

/** How a table is drawn; by default as a person at this process's stdout wants it. */
export interface TableOptions {
  /** Bare columns, two spaces apart. Default: when stdout is not a terminal. */
  plain?: boolean
}

const EDGES = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'right',
  'right-mid',
  'mid',
  'mid-mid',
] as const
const NO_LINES = Object.fromEntries(EDGES.map((edge) => [edge, '']))

/** The table as lines of text, without a closing newline. */
export async function renderTable(head: readonly string[], rows: readonly (readonly Cell[])[], options: TableOptions = {}): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const plain = options.plain ?? process.stdout.isTTY !== true
  const right = head.map((_, column) => rows.length > 0 && rows.every((row) => row[column] === undefined || typeof row[column] === 'number'))
  const layout: TableConstructorOptions = {
    chars: { ...NO_LINES, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: right.map((numbers) => (numbers ? 'right' : 'left')),
  }
  const table = new Table(layout)
  table.push(head.map((title) => (plain ? title : styled('bold', title))))
  for (const row of rows) table.push(row.map((cell) => (cell === undefined ? '-' : String(cell))))
  const lines = table.toString().split('\n')
  if (!plain) lines.splice(1, 0, styled('dim', '─'.repeat(Math.min(widthOf(lines), process.stdout.columns || Number.POSITIVE_INFINITY))))
  return lines.map((line) => line.trimEnd()).join('\n')
}

function widthOf(lines: readonly string[]): number {
  const [, ...body] = lines
  // The head may carry style codes, which take no room.
  return Math.max(...(body.length > 0 ? body : lines).map((line) => line.length))
}
