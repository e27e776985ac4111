/** docs/library.md is what the docstrings and the examples say, and every example of a docstring uses what there is. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exportsOf } from '../../scripts/exports.js'
import { libraryPage } from '../../scripts/make-library.js'
import * as library from '../../src/index.js'

const page = readFileSync(fileURLToPath(new URL('../../docs/library.md', import.meta.url)), 'utf8')

test('docs/library.md is up to date', () => {
  assert.ok(page === libraryPage(), 'it is not: run node scripts/build.mjs && node --import tsx scripts/make-library.ts')
})

test('every value that is exported is on the page as a function, class or constant', () => {
  const all = exportsOf('index')
  for (const name of Object.keys(library)) assert.ok(['function', 'class', 'const'].includes(all.get(name)?.kind ?? ''), `${name} is on no page`)
  const values = [...all.values()].filter(({ kind }) => kind !== 'type' && kind !== 'interface')
  assert.equal(values.map(({ name }) => name).sort(), Object.keys(library).sort())
})

/** What the language itself has. */
const LANGUAGE = new Set([
  'Uint8Array',
  'Promise',
  'Record',
  'Readonly',
  'ReadonlyMap',
  'ReadonlySet',
  'Map',
  'Set',
  'Partial',
  'Pick',
  'Omit',
  'Extract',
  'Error',
  'P',
])

test('every type that stands in an export is exported too', () => {
  for (const entry of ['pure', 'index']) {
    const all = exportsOf(entry)
    for (const { name, text } of all.values()) {
      const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/'[^']*'/g, '')
      for (const [type] of code.matchAll(/\b[A-Z]\w*\b/g))
        assert.ok(all.has(type) || LANGUAGE.has(type), `${entry}: ${type} stands in ${name} and is not exported: add it to src/${entry}.ts`)
    }
  }
})

test('no docstring of an export speaks of sections or of files that a reader does not have', () => {
  assert.not.match(page, /§|\bseed\.md|protocol\.md\/shared/)
})

test('the examples that say what comes of them are right', () => {
  for (const { example, name } of exportsOf('pure').values()) {
    const [, code, expected] = /^(.*\)(?:\.\w+)?) \/\/ (.*)$/.exec(example ?? '') ?? []
    if (code === undefined || expected === undefined) continue
    const names = Object.keys(library)
    const evaluate = (text: string): unknown => new Function(...names, `return (${text})`)(...Object.values(library))
    assert.equal(evaluate(code), evaluate(expected), `the example of ${name}`)
  }
})

test.run()
