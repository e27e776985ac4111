/** docs/configuration.md has every file that a cluster and its signers keep, every field of theirs, every environment variable that is read, every limit. */
// time limit: 300 s
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/lib/core/limits.js'
import { API_LIMITS } from '../../src/lib/node/http-guard.js'
import { LINK_CAPS, LINK_TIMING } from '../../src/lib/node/transport-options.js'
import { LiveCluster } from '../commands/live-cluster.js'
import { pageOf, rowsOf } from './rows.js'

const page = pageOf('configuration.md')
const rows = rowsOf(page)

for (const [where, limits] of Object.entries({ 'Of the protocol': LIMITS, 'Of the API': API_LIMITS, 'Of links': { ...LINK_TIMING, ...LINK_CAPS } })) {
  test(`limits: ${where.toLowerCase()}`, () => {
    const section = page.split(`### ${where}\n`)[1]?.split('\n#')[0] ?? ''
    const told = rowsOf(section)
    for (const [name, value] of Object.entries(limits)) {
      const wanted = `docs/configuration.md, “${where}”, needs this row: | \`${name}\` | ${value} | ${told.get(name)?.[1] ?? 'OF WHAT'} |`
      assert.is(told.get(name)?.[0], String(value), wanted)
    }
    assert.equal([...told.keys()].sort(), Object.keys(limits).sort(), `“${where}” has rows that are no limits`)
  })
}

test('every environment variable that the sources read', () => {
  const root = fileURLToPath(new URL('../../src', import.meta.url))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const read = new Set(
    files.flatMap((file) => {
      const source = readFileSync(join(root, file), 'utf8')
      return [...source.matchAll(/process\.env(?:\[')?\.?([A-Z][A-Z0-9_]+)|\benv: '([A-Z0-9_]+)'/g)].map(([, direct, flag]) => direct ?? flag ?? '')
    }),
  )
  // oclif asks for it, the build sets it.
  read.delete('OCLIF_SKIP_NEW_VERSION_CHECK')
  assert.ok(read.size >= 8, `${read.size} found`)
  for (const name of read) assert.ok(rows.has(name), `docs/configuration.md, “Environment variables”, needs a row: | \`${name}\` | WHAT IT DOES |`)
})

const cluster = new LiveCluster()
const folder = join(cluster.home, 'clusters', 'default')
test.before(async () => {
  await cluster.good(['cluster', 'up', '-n', '4', '--pack', '4', '--peers', '1'])
  await cluster.good(['tx', 'open', 'alice', '1'])
  await cluster.good(['cluster', 'partition', '0-1/2-3'])
  const passphrase = cluster.file('passphrase', 'a long passphrase')
  await cluster.good(['keys', 'gen', '--name', 'mine', '--kind', 'client', '--passphrase-file', passphrase])
})
test.after(() => cluster.end())

/** The paths of the page as patterns: of the home, and of a store. */
function patterns(): RegExp[] {
  const paths = [...rows.keys()].filter((name) => name.includes('/') || ['head', 'owner', 'signer.pid'].includes(name))
  const store = 'clusters/NAME/signers/I/store/'
  const whole = paths.filter((path) => path !== store).map((path) => (/^(keys|clusters)\//.test(path) ? path : store + path))
  return whole.map((path) => {
    const words = path
      .replaceAll('.', '\\.')
      .replace('NAME', '[A-Za-z0-9-]+')
      .replace('FILE', '[^/]+')
      .replace('/I/', '/\\d+/')
      .replace('/P\\.', '/(\\d+(-\\d+)?|peer-\\d+)\\.')
      .replace('CLUSTER', '[0-9a-f]{8}')
    return new RegExp(`^${path.endsWith('/') ? `${words}.+` : words}$`)
  })
}

test('every file in the home of a cluster that runs', () => {
  const known = patterns()
  const files = readdirSync(cluster.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  assert.ok(files.length > 20)
  for (const entry of files) {
    const path = relative(cluster.home, join(entry.parentPath, entry.name))
    assert.ok(
      known.some((pattern) => pattern.test(path)),
      `docs/configuration.md, “Where things lie”, needs a row: | \`${path}\` | WHAT IT IS |`,
    )
  }
  const seen = (pattern: RegExp) => files.some((entry) => pattern.test(relative(cluster.home, join(entry.parentPath, entry.name))))
  const absent = known.filter((pattern) => !seen(pattern)).map(String)
  // A lock is there while a command works, an old log after 32 MiB, evidence after a crime, a machine where it is not a built-in one.
  assert.equal(
    absent.filter((pattern) => !/lock|old|evidence|machine/.test(pattern)),
    [],
    'the page has files that there are not',
  )
})

/** The names of all fields of a document, save those of lists of paths and of records by name. */
function fieldsOf(document: unknown): string[] {
  if (Array.isArray(document)) return fieldsOf(document[0])
  if (typeof document !== 'object' || document === null) return []
  return Object.entries(document).flatMap(([name, value]) => [name, ...fieldsOf(value)])
}

for (const [file, title] of [
  ['manifest.json', 'manifest.json'],
  ['cluster.json', 'cluster.json'],
  ['addresses.json', 'addresses.json'],
  ['client.json', 'Key files'],
  ['processes/0-3.json', 'Several signers in one process'],
  ['processes/peer-0.json', "A peer's process"],
] as const) {
  test(`every field of ${file}`, () => {
    const section = page.split(`### ${title}\n`)[1]?.split('\n#')[0] ?? ''
    const fields = fieldsOf(JSON.parse(readFileSync(join(folder, file), 'utf8')))
    assert.ok(fields.length > 0)
    for (const field of fields) {
      const isTold = new RegExp(`[\`"]${field}[\`"]`).test(section)
      assert.ok(isTold, `docs/configuration.md, “${title}”, needs the field \`${field}\` of ${file}`)
    }
  })
}

test.run()
