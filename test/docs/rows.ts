/** Tables in pages of docs/, as tests look at them. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A page's text. */
export function pageOf(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)), 'utf8')
}

/** The rows of all tables whose first cell is code, by that code: the other cells, as they stand. */
export function rowsOf(page: string): Map<string, string[]> {
  const rows = new Map<string, string[]>()
  for (const [, name = '', rest = ''] of page.matchAll(/^\| `([^`]+)` \|(.*)\|$/gm))
    rows.set(
      name,
      rest.split('|').map((cell) => cell.trim()),
    )
  return rows
}
