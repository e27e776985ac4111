/** Every link of a page to another file of the project, or to a heading, leads somewhere. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = [
  'README.md',
  'examples/README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name)),
].filter((name) => name.endsWith('.md'))

/** A page's text without its code. */
const proseOf = (path: string): string => readFileSync(path, 'utf8').replace(/^```[\s\S]*?^```/gm, '')

/** The anchors of a page's headings, as they are made where such pages are shown. */
function anchorsOf(path: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of proseOf(path).matchAll(/^#+ (.*)$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = plain.replace(/[^\p{L}\p{N}\p{M} _-]/gu, '').replaceAll(' ', '-')
    let unique = anchor
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`
    anchors.add(unique)
  }
  return anchors
}

/** What is wrong with the links of a page, a line each. */
function broken(page: string): string[] {
  const path = join(root, page)
  return [...proseOf(path).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return []
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : join(dirname(path), decodeURIComponent(file))
    if (!existsSync(target)) return [`${page}: ${link} is not there`]
    if (anchor === undefined || !target.endsWith('.md') || statSync(target).isDirectory()) return []
    return anchorsOf(target).has(anchor) ? [] : [`${page}: ${link}: ${relative(root, target)} has no such heading`]
  })
}

test('links lead somewhere', () => {
  assert.ok(pages.length > 20)
  assert.equal(pages.flatMap(broken), [])
})

test.run()
