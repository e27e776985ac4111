/** Tables of docs/performance.md, each between its two marks. */

/** A table in Markdown; numbers stand to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const sides = head.map((_, column) => (rows.some((row) => typeof row[column] === 'number') ? '--:' : '---'))
  return [head, sides, ...rows]
    .map((row) => `| ${row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : cell)).join(' | ')} |`)
    .join('\n')
}

/** The page with other content between the marks of this name. Errors: `Error` where it has none. */
export function withSection(page: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page has no ${begin} … ${end}`)
  return `${page.slice(0, from)}${begin}\n${content}\n${page.slice(to)}`
}
