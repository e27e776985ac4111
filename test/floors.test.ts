/**
 * Holds the floors: a folder of src/ imports only from the folders and packages on its line. The table here is the one that counts; docs/architecture.md
 * tells it in words.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

/** What one folder may import besides itself. */
interface Floor {
  floor: number
  /** Runs in a browser as it is, wherever it stands. Floors below the first one with Node do. */
  pure?: true
  folders: readonly string[]
  packages: readonly string[]
}

const everyLib = ['cli', 'bench', 'cluster', 'library', 'inspect', 'simulator', 'node', 'byzantine', 'machine', 'core', 'bls', 'base'].map(
  (name) => `lib/${name}`,
)
const lib = (...names: string[]) => names.map((name) => `lib/${name}`)

const FLOORS: Record<string, Floor> = {
  '.': { floor: 8, folders: everyLib, packages: [] },
  commands: { floor: 8, folders: everyLib, packages: ['@oclif/core'] },
  hooks: { floor: 8, folders: lib('cli', 'base'), packages: ['@oclif/core', 'fastest-levenshtein'] },
  'lib/cli': { floor: 7, folders: lib('base'), packages: ['@oclif/core', '@inquirer/password', 'cli-table3', 'listr2'] },
  'lib/bench': { floor: 7, folders: lib('inspect', 'cluster', 'machine', 'node', 'core', 'bls', 'base'), packages: ['hdr-histogram-js', 'ws'] },
  'lib/cluster': { floor: 6, folders: lib('node', 'byzantine', 'core', 'bls', 'base'), packages: ['execa'] },
  'lib/node': {
    floor: 5,
    folders: lib('byzantine', 'machine', 'core', 'bls', 'base'),
    packages: [
      '@chainsafe/bls-keystore',
      '@chainsafe/blst',
      '@noble/ciphers',
      '@noble/curves',
      '@noble/hashes',
      '@scure/bip39',
      'classic-level',
      'lmdb',
      'pg',
      'pino',
      'prom-client',
      'ws',
    ],
  },
  'lib/library': {
    floor: 5,
    pure: true,
    folders: lib('inspect', 'simulator', 'machine', 'core', 'bls', 'base'),
    packages: ['@noble/hashes'],
  },
  'lib/simulator': { floor: 4, folders: lib('byzantine', 'machine', 'core', 'bls', 'base'), packages: [] },
  'lib/inspect': { floor: 4, folders: lib('core', 'bls', 'base'), packages: ['d3-hierarchy', 'd3-shape', 'string-width'] },
  'lib/byzantine': { floor: 3, folders: lib('core', 'bls', 'base'), packages: [] },
  'lib/machine': { floor: 3, folders: lib('core', 'base'), packages: [] },
  'lib/core': { floor: 2, folders: lib('bls', 'base'), packages: [] },
  'lib/bls': { floor: 1, folders: lib('base'), packages: ['@noble/curves', '@noble/hashes'] },
  'lib/base': { floor: 0, folders: [], packages: ['@noble/hashes', 'cborg'] },
}

/** From this floor on, Node's own modules may be imported, save by folders that are pure; the floors below run in a browser as they are. */
const FIRST_NODE_FLOOR = 5

/** Every specifier that a source imports, type imports and `import()` included. */
function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const patterns = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require)\(\s*['"`]([^'"`]+)['"`]/g,
  ]
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''))
}

/** The folder of the table in which a file of src/ lies (`lib/core`, `commands`, `.`), or undefined where the table has none. */
function folderOf(file: string): string | undefined {
  if (!file.includes('/')) return '.'
  return Object.keys(FLOORS).find((folder) => file.startsWith(`${folder}/`))
}

const packageOf = (specifier: string) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')

/** What is wrong with the imports of one file, a sentence each. `file` is a path below src/. */
function violations(file: string, source: string): string[] {
  const folder = folderOf(file)
  const line = folder === undefined ? undefined : FLOORS[folder]
  if (folder === undefined || line === undefined) return [`${file} lies in no folder of the table`]
  return importsOf(source).flatMap((specifier) => {
    if (specifier.startsWith('.')) {
      const target = folderOf(posix.join(posix.dirname(file), specifier))
      return target === folder || (target !== undefined && line.folders.includes(target))
        ? []
        : [`${file} imports ${specifier}, which ${folder} may not`]
    }
    if (specifier.startsWith('node:'))
      return line.floor >= FIRST_NODE_FLOOR && !line.pure ? [] : [`${file} imports ${specifier}, but ${folder} is pure`]
    return line.packages.includes(packageOf(specifier)) ? [] : [`${file} imports ${specifier}, a package that ${folder} may not use`]
  })
}

const root = fileURLToPath(new URL('../src', import.meta.url))
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))
const sources = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))

test('every import of src/ is on the line of its folder', () => {
  assert.ok(files.length > 10, 'the sources were found')
  assert.equal(
    [...sources].flatMap(([file, source]) => violations(file, source)),
    [],
  )
})

test('folders are imported downwards only', () => {
  for (const [folder, { floor, folders }] of Object.entries(FLOORS)) {
    for (const target of folders) assert.ok((FLOORS[target]?.floor ?? floor) < floor, `${folder} may import ${target}, which is not below it`)
  }
})

test('the parse finds every import that the sources have', () => {
  for (const [file, source] of sources) {
    const expected = source.split('\n').filter((line) => /^(import|export|\}).* from '/.test(line) || /^import '/.test(line)).length
    const found = importsOf(source).length
    assert.ok(found >= expected, `${file}: ${found} of ${expected} imports found`)
  }
})

test('packages on the table are dependencies of the package', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, '..', 'package.json'), 'utf8'))
  const used = new Set(
    [...sources.values()]
      .flatMap(importsOf)
      .filter((specifier) => !/^(\.|node:)/.test(specifier))
      .map(packageOf),
  )
  for (const name of used) assert.ok(name in dependencies, `${name} is imported and is no dependency`)
})

const PLANTED: [file: string, source: string][] = [
  ['lib/core/planted.ts', "import { readFileSync } from 'node:fs'"],
  ['lib/core/planted.ts', "import { Driver } from '../node/driver.js'"],
  ['lib/core/planted.ts', "import type { Driver } from '../node/driver.js'"],
  ['lib/core/planted.ts', "export * from '../machine/state-machine.js'"],
  ['lib/core/planted.ts', "import {\n  a,\n  b,\n} from '../simulator/network.js'"],
  ['lib/core/planted.ts', "import { sha256 } from '@noble/hashes/sha2.js'"],
  ['lib/core/planted.ts', "const ws = await import('ws')"],
  ['lib/node/planted.ts', "import { Network } from '../simulator/network.js'"],
  ['lib/simulator/planted.ts', "import { Store } from '../node/ports.js'"],
  ['lib/simulator/planted.ts', "import 'node:crypto'"],
  ['lib/machine/planted.ts', "import { sign } from '../bls/noble.js'"],
  ['lib/library/planted.ts', "import 'node:fs'"],
  ['lib/library/planted.ts', "import { Client } from '../node/client.js'"],
  ['lib/cli/planted.ts', "import { Signer } from '../core/signer.js'"],
  ['lib/base/planted.ts', "import MusigCommand from '../../commands/sign.js'"],
  ['lib/elsewhere/planted.ts', 'export const nothing = 0'],
]

for (const [file, source] of PLANTED) test(`refused: ${source.replaceAll('\n', ' ')} in ${file}`, () => assert.is(violations(file, source).length, 1))

test('allowed imports pass', () => {
  assert.equal(
    violations(
      'lib/core/x.ts',
      "import { concat } from '../base/bytes.js'\nimport type { Bls } from '../bls/backend.js'\nexport { y } from './y.js'",
    ),
    [],
  )
  assert.equal(violations('commands/cluster/up.ts', "import { Flags } from '@oclif/core'\nimport { up } from '../../lib/cluster/up.js'"), [])
  assert.equal(violations('lib/base/x.ts', "/** import { x } from 'ws' */\n// import 'node:fs'"), [])
})

test.run()
