/**
 * The demonstration: makes the clone ready, starts 31 signers as processes, sends transactions through several of them at once, shows what the cluster
 * made of them, checks the signature, and takes everything down again. `npm run demo -- -n 7` for a smaller one.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main, ready, root } from './ready.mjs'

const musigBin = join(root, 'bin', 'run.js')
const SIGNERS = 31

/** What is sent, and through which signer: three that fight for one document, two that stand alone. */
const WRITES = [
  { through: 0, args: ['doc:1', '{"title":"first"}'] },
  { through: 2, args: ['doc:1', '{"title":"second"}'] },
  { through: 4, args: ['doc:1', '{"title":"third"}'] },
  { through: 1, args: ['doc:2', '{"title":"alone"}'] },
  { through: 3, args: ['doc:3', '{"title":"alone too"}'] },
]

/** @param {string[]} args */
const shown = (args) => console.log(`\n$ musig ${args.map((arg) => (/^[\w:./-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')}`)

/** Runs a command with its output on this terminal. @param {string[]} args @param {NodeJS.ProcessEnv} env */
function musig(args, env) {
  shown(args)
  const { status, signal } = spawnSync(process.execPath, [musigBin, ...args], { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error(`musig ${args.slice(0, 2).join(' ')} ended with ${signal ?? `exit code ${status}`}`)
}

/** Runs a command for its JSON document. @param {string[]} args @param {NodeJS.ProcessEnv} env @returns {Promise<{ txId: string }>} */
function document(args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [musigBin, ...args, '--json'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text += part
    })
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(text))
      else reject(new Error(`musig ${args.slice(0, 2).join(' ')} ended with exit code ${code}: ${text.trim()}`))
    })
  })
}

/** @returns {number} */
function signersAsked() {
  const at = process.argv.indexOf('-n')
  const n = at < 0 ? SIGNERS : Number(process.argv[at + 1])
  if (!Number.isInteger(n) || n < 1) throw new Error('-n takes a number of signers, 1 or more')
  return n
}

await main(async () => {
  const n = signersAsked()
  ready()
  const home = mkdtempSync(join(tmpdir(), 'musig-demo-'))
  const env = { ...process.env, MUSIG_HOME: home, MUSIG_CLUSTER: 'demo' }
  const takeDown = () => {
    spawnSync(process.execPath, [musigBin, 'cluster', 'down', '--purge'], { cwd: root, env, stdio: 'ignore' })
    rmSync(home, { recursive: true, force: true })
  }
  const stop = () => {
    takeDown()
    process.exit(130)
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    musig(['cluster', 'up', '-n', String(n), '--machine', 'documents'], env)
    const writes = WRITES.map(({ through, args }) => ['tx', 'put', ...args, '--to', String(through % n)])
    for (const write of writes) shown(write)
    const sent = await Promise.all(writes.map((write) => document(write, env)))
    for (const { txId } of sent) musig(['tx', 'show', txId], env)
    const [first] = sent
    if (!first) throw new Error('nothing was sent')
    musig(['query', 'doc:1'], env)
    musig(['inspect', 'tree', first.txId], env)
    musig(['inspect', 'order', first.txId], env)
    musig(['inspect', 'sig', first.txId], env)
    musig(['verify', 'sig', '--tx', first.txId], env)
    musig(['cluster', 'down', '--purge'], env)
  } finally {
    takeDown()
  }
})
