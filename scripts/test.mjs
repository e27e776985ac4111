/**
 * The tests: makes the clone ready, runs the quick checks, then every test file as a process of its own, some side by side. Ends with the
 * line `N passed, N failed`.
 *
 *   npm test                  everything but *.long.test.ts
 *   npm test -- bls order     only files whose path contains one of these words, without the checks
 *   npm run test:long         *.long.test.ts too
 *   npm test -- --slow        in the end the tests that took longest
 *
 * Lines at the top of a test file: `// time limit: 300 s` (default 120 s); `// alone` (not beside another file). A test file that leaves something out
 * prints `SKIPPED n: reason` (test/skip.ts).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, sep } from 'node:path'
import { check } from './check.mjs'
import { main, ready, root } from './ready.mjs'
import { runProcess } from './test-process.mjs'

const DEFAULT_LIMIT_MS = 120_000
/** One more than cores, up to three: most of the time of a test with processes is waiting. */
const SIDE_BY_SIDE = Math.min(3, availableParallelism() + 1)
/** Whose files take longest: they begin, so that all lanes end at about the same time. */
const LONGEST_FIRST = ['cluster', 'simulator', 'commands', 'node', 'library', 'hostile']

/** @typedef {{ path: string, name: string, alone: boolean, limitMs: number }} TestFile */
/** @typedef {{ passed: number, failed: number, skipped: number }} Totals */

const SLOWEST = 40
/** How long each test took. @type {{ file: string, title: string, ms: number }[]} */
const times = []

/** @returns {TestFile[]} */
function findFiles(/** @type {string} */ folder, /** @type {string[]} */ words, /** @type {boolean} */ long) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.test\.m?ts$/.test(name) && (long || !name.includes('.long.')))
    .map((name) => join(folder, name))
    .filter((path) => folder !== join(root, 'test') || !relative(folder, path).startsWith('fixtures'))
    .filter((path) => words.length === 0 || words.some((word) => relative(folder, path).includes(word)))
    .sort((a, b) => turnOf(relative(folder, a)) - turnOf(relative(folder, b)) || (a < b ? -1 : 1))
    .map((path) => {
      const top = readFileSync(path, 'utf8').slice(0, 2000)
      const limit = /^\/\/ time limit: (\d+(?:\.\d+)?) s/m.exec(top)
      return { path, name: relative(root, path), alone: /^\/\/ alone\b/m.test(top), limitMs: limit ? Number(limit[1]) * 1000 : DEFAULT_LIMIT_MS }
    })
}

/** @param {string} name @returns {number} */
function turnOf(name) {
  const turn = LONGEST_FIRST.findIndex((folder) => name.startsWith(folder + sep))
  return turn < 0 ? LONGEST_FIRST.length : turn
}

/** Runs one file, prints a line about it, and all of its output if it failed.
 * @returns {Promise<Totals>} */
async function runFile(/** @type {TestFile} */ file) {
  const started = Date.now()
  const { report, output, problems } = await runProcess(file.path, file.limitMs)
  const announced = [...output.matchAll(/^SKIPPED (\d+): (.*)$/gm)]
  const skipped = (report?.skipped ?? 0) + announced.reduce((sum, [, count]) => sum + Number(count), 0)
  for (const { title, ms } of report?.times ?? []) times.push({ file: file.name, title, ms })
  const passed = report?.passed ?? 0
  if (report) problems.push(...report.problems)
  if (report && passed + report.failed + skipped === 0) problems.push('it reported no tests')
  // A file with something wrong about it has failed at least once, also where each of its tests passed.
  const failed = problems.length > 0 ? Math.max(1, report?.failed ?? 0) : (report?.failed ?? 0)
  const counts = `${passed} passed${failed ? `, ${failed} failed` : ''}${skipped ? `, ${skipped} skipped` : ''}`
  console.log(`${failed ? '✘' : '✔'} ${file.name}  ${counts}  ${((Date.now() - started) / 1000).toFixed(1)} s`)
  for (const [, count, reason] of announced) console.log(`    skipped ${count}: ${reason}`)
  if (failed) {
    for (const problem of problems) console.log(`    ${problem.replaceAll('\n', '\n    ')}`)
    console.log(output.trimEnd().replace(/^/gm, '    │ '))
  }
  return { passed, failed, skipped }
}

/** @returns {Promise<Totals>} */
async function runAll(/** @type {TestFile[]} */ files) {
  /** @type {Totals} */
  const totals = { passed: 0, failed: 0, skipped: 0 }
  const lane = async (/** @type {TestFile[]} */ queue) => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const { passed, failed, skipped } = await runFile(file)
      totals.passed += passed
      totals.failed += failed
      totals.skipped += skipped
    }
  }
  const shared = files.filter((file) => !file.alone)
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => lane(shared)))
  await lane(files.filter((file) => file.alone))
  return totals
}

await main(async () => {
  const args = process.argv.slice(2)
  const flags = args.filter((arg) => arg.startsWith('--'))
  const unknown = flags.find((flag) => flag !== '--long' && flag !== '--slow' && !flag.startsWith('--folder='))
  if (unknown) throw new Error(`unknown flag ${unknown}: there are --long, --slow and --folder=DIR`)
  const words = args.filter((arg) => !arg.startsWith('--'))
  const own = flags.find((flag) => flag.startsWith('--folder='))?.slice('--folder='.length)
  if (!own) ready()
  if (!own && words.length === 0) check()
  const files = findFiles(own ?? join(root, 'test'), words, flags.includes('--long'))
  const { passed, failed, skipped } = await runAll(files)
  if (flags.includes('--slow'))
    for (const { file, title, ms } of times.sort((a, b) => b.ms - a.ms).slice(0, SLOWEST))
      console.log(`${(ms / 1000).toFixed(1)} s  ${file}  ${title}`)
  if (files.length === 0) console.log('no test files found')
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
})
