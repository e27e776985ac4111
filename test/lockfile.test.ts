/** The lockfile is complete, so that `npm ci` takes it on every platform, and package.json pins what it names. */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

interface Entry {
  version?: string
  resolved?: string
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const read = (file: string) => JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'))
const packages: Record<string, Entry> = read('package-lock.json').packages
const own: Entry = read('package.json')

/** Whether Node would find `name` from the package at `path` in the tree that the lockfile describes. */
function resolves(path: string, name: string): boolean {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (packages[`${at ? `${at}/` : ''}node_modules/${name}`]) return true
    if (at === '') return false
  }
}

test('every dependency of every package is in the lockfile, the optional ones of other platforms too', () => {
  const missing = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
      .filter((name) => !resolves(path, name))
      .map((name) => `${path || 'the package'} needs ${name}`),
  )
  assert.equal(missing, [])
})

test('package.json pins exact versions, and the lockfile has the same', () => {
  for (const [name, version] of Object.entries({ ...own.dependencies, ...own.devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, `${name} is not pinned: ${version}`)
    assert.is(packages[`node_modules/${name}`]?.version, version, name)
  }
})

test('the lockfile names no registry', () => {
  assert.equal(
    Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined),
    [],
  )
})

test.run()
