/**
 * Runs one test file in this process for the runner: `node --import tsx scripts/test-file.mjs FILE`. Drives uvu's queue itself and tells the runner over
 * the process channel what was declared, what ran and what went wrong, so that nothing has to be read out of printed text.
 */
import module from 'node:module'
import { pathToFileURL } from 'node:url'

/** @typedef {{ passed: number, failed: number, skipped: number, problems: string[] }} FileReport */

const watchedUrl = new URL('./uvu-watched.mjs', import.meta.url).href

/** @typedef {(specifier: string, context: { parentURL?: string }) => unknown} Resolve */

/** Lets test files get uvu-watched.mjs under the name `uvu`. */
function standIn() {
  // Newer versions of Node have registerHooks and deprecate register; Node 20 has only the latter.
  const hooks = /** @type {{ registerHooks?: (hooks: { resolve: (...args: [...Parameters<Resolve>, Resolve]) => unknown }) => void }} */ (module)
  if (hooks.registerHooks) {
    hooks.registerHooks({
      resolve: (specifier, context, next) =>
        specifier === 'uvu' && context.parentURL !== watchedUrl ? { url: watchedUrl, shortCircuit: true } : next(specifier, context),
    })
    return
  }
  const source = `const watched = ${JSON.stringify(watchedUrl)}
    export const resolve = (specifier, context, next) =>
      specifier === 'uvu' && context.parentURL !== watched ? { url: watched, shortCircuit: true } : next(specifier, context)`
  module.register(`data:text/javascript,${encodeURIComponent(source)}`)
}

/** @returns {Promise<FileReport>} */
async function runFile(/** @type {string} */ file) {
  /** @type {FileReport} */
  const report = { passed: 0, failed: 0, skipped: 0, problems: [] }
  /** @type {unknown[]} */
  const queue = []
  Object.assign(globalThis, { UVU_DEFER: 1, UVU_INDEX: 0, UVU_QUEUE: [queue] })
  standIn()
  await import(pathToFileURL(file).href)
  const { notes } = await import(watchedUrl)
  // Grows while it is walked, where a test file runs another suite late.
  for (const run of queue) {
    if (typeof run !== 'function') continue
    const [errors, ran, skipped, total] = await run()
    report.passed += ran
    report.failed += total - ran
    report.skipped += skipped
    if (errors.length) process.stdout.write(`\n${errors}\n`)
  }
  for (const note of notes) {
    const suite = note.name ? `suite ${note.name}` : 'the file'
    if (note.only) report.problems.push(`${suite} has a leftover .only`)
    if (note.waiting > 0) report.problems.push(`${suite} declared ${note.waiting} tests that no .run() took up`)
    report.problems.push(...note.hookErrors)
  }
  return report
}

const file = process.argv[2]
if (!file || !process.send) throw new Error('this is started by scripts/test.mjs')
const report = await runFile(file)
process.send(report, () => process.disconnect())
