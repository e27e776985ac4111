/**
 * Runs one test file, bundled, in this process for the runner: `node scripts/test-file.mjs BUNDLE`. Drives uvu's queue itself and tells the runner over
 * the process channel what was declared, what ran and what went wrong, so that nothing has to be read out of printed text.
 */
import { pathToFileURL } from 'node:url'

/** @typedef {{ passed: number, failed: number, skipped: number, problems: string[], times: { title: string, ms: number }[] }} FileReport */

/** @returns {Promise<FileReport>} */
async function runFile(/** @type {string} */ file) {
  /** @type {FileReport} */
  const report = { passed: 0, failed: 0, skipped: 0, problems: [], times: [] }
  /** @type {unknown[]} */
  const queue = []
  Object.assign(globalThis, { UVU_DEFER: 1, UVU_INDEX: 0, UVU_QUEUE: [queue] })
  // Only now: uvu looks for these when it is loaded, and would run the tests by itself.
  const { notes } = await import('./uvu-watched.mjs')
  await import(pathToFileURL(file).href)
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
    report.times.push(...note.times)
  }
  return report
}

const file = process.argv[2]
if (!file || !process.send) throw new Error('this is started by scripts/test.mjs')
const report = await runFile(file)
process.send(report, () => process.disconnect())
