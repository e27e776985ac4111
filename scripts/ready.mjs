/**
 * Makes a fresh clone usable: installs the packages and builds what is missing or stale. Needs nothing but Node and the npm that came with it.
 * `ready()` is called by the other scripts; `node scripts/ready.mjs` does it by hand.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Where a build notes what it was made from. */
export const stampFile = join(root, 'dist', '.inputs')

const NEED = { major: 20, minor: 19 }
const LOCK_WAIT_MS = 120_000

/**
 * Runs a program in the project's folder with its output on this terminal and gives its exit code.
 * @param {string} command
 * @param {string[]} args
 * @returns {number}
 */
export function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error) console.error(`Error: ${command} did not start: ${error.message}`)
  return status ?? 1
}

/** Runs `work` while no other process does the same: two test runs must not install or build over each other.
 * @param {() => void} work */
function alone(work) {
  const lock = join(root, '.ready.lock')
  const deadline = Date.now() + LOCK_WAIT_MS
  for (;;) {
    try {
      mkdirSync(lock)
      break
    } catch {
      if (!ownerLives(lock) || Date.now() > deadline) rmSync(lock, { recursive: true, force: true })
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    }
  }
  try {
    writeFileSync(join(lock, 'pid'), String(process.pid))
    work()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

/** @param {string} lock */
function ownerLives(lock) {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0)
    return true
  } catch (error) {
    // No pid yet: its owner has just made the folder, or died in that instant; the deadline covers the latter.
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT'
  }
}

/** Whether what is installed differs from the lockfile. Compares contents, not times: a checkout or a copy changes times only. */
function packagesStale() {
  const hidden = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(hidden)) return true
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages
  return Object.keys(wanted).some((path) => {
    const [want, have] = [wanted[path], installed[path]]
    if (path === '' || (!have && (want.optional || want.peer))) return false
    return want.version !== have?.version || want.integrity !== have?.integrity
  })
}

function install() {
  console.error('Installing packages (npm ci)…')
  const npm = process.env['npm_execpath']
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const code = npm?.endsWith('npm-cli.js') ? run(process.execPath, [npm, ...args]) : run('npm', args)
  if (code !== 0) throw new Error('npm ci failed; the lines above say why')
}

/** @param {string} folder @returns {string[]} */
function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** A digest of everything the build is made from. */
export function inputsDigest() {
  const hash = createHash('sha256')
  const files = ['package.json', 'package-lock.json', 'tsconfig.json', 'scripts/build.mjs', 'scripts/bundle.mjs'].map((file) => join(root, file))
  for (const file of [...files, ...filesUnder(join(root, 'src'))])
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

function buildStale() {
  return !existsSync(stampFile) || !existsSync(join(root, 'oclif.manifest.json')) || readFileSync(stampFile, 'utf8') !== inputsDigest()
}

/** Installs and builds where needed; throws with one line that says what failed. */
export function ready() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < NEED.major || (major === NEED.major && minor < NEED.minor))
    throw new Error(`Node ${NEED.major}.${NEED.minor} or later is needed, this is ${process.versions.node}`)
  if (packagesStale()) alone(() => packagesStale() && install())
  if (buildStale())
    alone(() => {
      if (buildStale() && run(process.execPath, [join(root, 'scripts', 'build.mjs')]) !== 0)
        throw new Error('the build failed; the lines above say why')
    })
}

/** Ends a script on an error with one line.
 * @param {() => unknown} work */
export async function main(work) {
  try {
    await work()
  } catch (error) {
    console.error(`Error: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(ready)
