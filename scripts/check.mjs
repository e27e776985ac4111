/**
 * The quick checks: formatting and lint, types of everything, of the scripts, and of the pure floors, which must compile without Node's. All run even
 * if one fails.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { main, root, run } from './ready.mjs'

/** Runs the checks; throws if one said no. */
export function check() {
  const tool = (/** @type {string} */ path) => join(root, 'node_modules', path)
  const codes = [
    run(process.execPath, [tool('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.']),
    run(process.execPath, [tool('typescript/bin/tsc'), '-p', 'tsconfig.test.json']),
    run(process.execPath, [tool('typescript/bin/tsc'), '-p', 'tsconfig.scripts.json']),
    run(process.execPath, [tool('typescript/bin/tsc'), '-p', 'tsconfig.pure.json']),
  ]
  if (codes.some((code) => code !== 0)) throw new Error('the checks failed; the lines above say where')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(check)
