/** The documents of examples/ with which the library is tried. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Input } from './everything.js'

/** Where an example lies. */
export const examplePath = (path: string): string => fileURLToPath(new URL(`../../examples/${path}`, import.meta.url))

const read = (path: string): unknown => JSON.parse(readFileSync(examplePath(path), 'utf8'))

export const INPUT: Input = {
  manifest: read('certificates/manifest.json'),
  fast: read('certificates/fast.json'),
  slow: read('certificates/slow.json'),
  votes: read('five-signers.json'),
}
