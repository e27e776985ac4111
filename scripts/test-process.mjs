/**
 * One test file as a process: its time limit, its report, and what it leaves behind. Everything that it started and that still runs after its end is
 * killed, and counts as a problem.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleTest } from './bundle.mjs'
import { root } from './ready.mjs'

const MARK = 'MUSIG_TEST_RUN'
const END_AFTER_REPORT_MS = 5000
const LEFTOVER_GRACE_MS = 1000

/** Bundles of tests: in the package, so that its packages are found. */
const BUNDLES = join(root, 'node_modules', '.cache', `musig-tests-${process.pid}`)
process.on('exit', () => rmSync(BUNDLES, { recursive: true, force: true }))

/** @typedef {import('./test-file.mjs').FileReport} FileReport */

/** The groups of test processes that run now, for Ctrl-C. @type {Set<() => void>} */
const running = new Set()
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => {
    for (const kill of running) kill()
    process.exit(130)
  })

/** @returns {{ pid: number, command: string }[]} all processes that carry this mark in their environment, detached ones too (Linux only) */
function marked(/** @type {string} */ mark) {
  if (process.platform !== 'linux') return []
  const found = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    try {
      if (!readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(`${MARK}=${mark}`)) continue
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      if (command) found.push({ pid: Number(name), command })
    } catch {
      // It ended meanwhile, or it is another user's.
    }
  }
  return found
}

/** Kills a process, or with a negative number a group, if it still runs. @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

/** @returns {Promise<string[]>} the commands of processes that had to be killed */
async function killLeftovers(/** @type {number} */ group, /** @type {string} */ mark) {
  const deadline = Date.now() + LEFTOVER_GRACE_MS
  let left = marked(mark)
  while (left.length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    left = marked(mark)
  }
  kill(-group)
  for (const { pid } of left) kill(pid)
  return left.map(({ command }) => command)
}

/**
 * Runs a test file to its end, or to its time limit.
 * @returns {Promise<{ report: FileReport | undefined, output: string, problems: string[] }>}
 */
export async function runProcess(/** @type {string} */ file, /** @type {number} */ limitMs) {
  const mark = randomBytes(8).toString('hex')
  const bundle = join(BUNDLES, `${mark}.mjs`)
  try {
    await bundleTest(file, bundle)
  } catch (error) {
    return { report: undefined, output: '', problems: [error instanceof Error ? error.message : String(error)] }
  }
  const environment = { ...process.env, [MARK]: mark, NO_COLOR: '1', FORCE_COLOR: '0', NODE_OPTIONS: '' }
  const args = ['--enable-source-maps', fileURLToPath(new URL('./test-file.mjs', import.meta.url)), bundle]
  const child = spawn(process.execPath, args, { cwd: root, env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  const group = child.pid
  if (group === undefined) return { report: undefined, output: '', problems: ['node did not start'] }

  /** @type {string[]} */
  const problems = []
  let output = ''
  /** @type {FileReport | undefined} */
  let report
  const stop = () => kill(-group)
  running.add(stop)
  child.stdout?.setEncoding('utf8').on('data', (text) => (output += text))
  child.stderr?.setEncoding('utf8').on('data', (text) => (output += text))
  let timer = setTimeout(() => {
    problems.push(`it ran longer than its time limit of ${limitMs / 1000} s`)
    stop()
  }, limitMs)
  child.on('message', (message) => {
    report = /** @type {FileReport} */ (message)
    clearTimeout(timer)
    timer = setTimeout(() => {
      problems.push('its tests ended but the process did not: something was left open')
      stop()
    }, END_AFTER_REPORT_MS)
  })
  const [code, signal] = await new Promise((resolve) => child.once('exit', (...end) => resolve(end)))
  clearTimeout(timer)
  const left = await killLeftovers(group, mark)
  running.delete(stop)
  if (left.length > 0) problems.push(`it left ${left.length} processes running: ${left.join('; ').slice(0, 300)}`)
  if (problems.length === 0 && !report) problems.push(`it ended with ${signal ?? `exit code ${code}`} before it reported`)
  else if (problems.length === 0 && code !== 0) problems.push(`it ended with ${signal ?? `exit code ${code}`} although it reported`)
  return { report, output, problems }
}
