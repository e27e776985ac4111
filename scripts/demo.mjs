/**
 * The demonstration: makes the clone ready, starts 31 signers as processes in a temporary folder, sends transactions through several of them at once, shows
 * what the cluster made of them with the commands that a user has, checks a certificate with everything down, and leaves nothing behind.
 * `npm run demo -- -n 7` for a smaller cluster.
 */
import { spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { main, ready, root } from './ready.mjs'

const musigBin = join(root, 'bin', 'run.js')
const SIGNERS = 31
const COLOR = process.stdout.isTTY === true && !process.env['NO_COLOR'] && !process.argv.includes('--no-color')

/** Six accounts, each opened by itself: no two of them share a key. */
const OPENINGS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'].map((account) => ({ op: 'open', account, amount: 100 }))

/** Alice spends her 100 twice, and two more touch the same accounts; the last two touch others. */
const TRANSFERS = [
  { op: 'transfer', from: 'alice', to: 'bob', amount: 80 },
  { op: 'transfer', from: 'alice', to: 'carol', amount: 80 },
  { op: 'transfer', from: 'bob', to: 'carol', amount: 5 },
  { op: 'transfer', from: 'carol', to: 'alice', amount: 7 },
  { op: 'transfer', from: 'dave', to: 'erin', amount: 1 },
  { op: 'open', account: 'grace', amount: 3 },
]

/** @param {'bold' | 'cyan'} style @param {string} text */
const styled = (style, text) => (COLOR ? styleText(style, text, { validateStream: false }) : text)

/** The teller's words, broken to the terminal's width; what stands after a numeral is indented under it. @param {string} text */
function say(text) {
  const width = Math.min(process.stdout.columns || 100, 100)
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(`${/^\d/.test(text) ? '   ' : ''}${word}`)
  }
  console.log(`\n${lines.map((line) => styled('cyan', line)).join('\n')}`)
}

/** @param {string} arg */
const quoted = (arg) => (/^[\w:./=-]+$/.test(arg) ? arg : `'${arg}'`)

/** @returns {number} */
function signersAsked() {
  const at = process.argv.indexOf('-n')
  const n = at < 0 ? SIGNERS : Number(process.argv[at + 1])
  if (!Number.isInteger(n) || n < 4 || n > 1000) throw new Error('-n takes a number of signers from 4 on')
  return n
}

/** A state folder of its own and the commands run in it. */
class Stage {
  folder = mkdtempSync(join(tmpdir(), 'musig-demo-'))
  env = { ...process.env, MUSIG_HOME: join(this.folder, 'home'), MUSIG_CLUSTER: 'demo' }
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #running
  #ended = false

  /**
   * Shows a command and runs it, its output on this terminal; `shown` is what stands for its arguments, where those are long.
   * @param {string[]} args @param {{ codes?: number[], shown?: string }} [options]
   */
  async musig(args, { codes = [0], shown = args.map(quoted).join(' ') } = {}) {
    console.log(`\n${styled('bold', `$ musig ${shown}`)}`)
    await this.#run(args, 'inherit', codes)
  }

  /** Runs a command for its JSON document. @param {string[]} args @returns {Promise<any>} */
  async document(args) {
    return JSON.parse(await this.#run([...args, '--json'], 'pipe', [0]))
  }

  /** @param {string[]} args @param {'inherit' | 'pipe'} stdout @param {number[]} codes @returns {Promise<string>} */
  #run(args, stdout, codes) {
    return new Promise((resolve, reject) => {
      if (this.#ended) return
      const child = spawn(process.execPath, [musigBin, ...args], { cwd: this.folder, env: this.env, stdio: ['ignore', stdout, 'inherit'] })
      this.#running = child
      let text = ''
      child.stdout?.setEncoding('utf8').on('data', (part) => {
        text += part
      })
      child.once('error', reject)
      child.once('close', (code, signal) => {
        this.#running = undefined
        // Whoever stopped the demonstration has the last word.
        if (this.#ended) return
        if (code !== null && codes.includes(code)) resolve(text)
        else reject(new Error(`musig ${args.slice(0, 2).join(' ')} ended with ${signal ?? `exit code ${code}`}`))
      })
    })
  }

  /** Ends what runs and removes every trace; may be called twice. */
  async takeDown() {
    this.#ended = true
    const running = this.#running
    if (running && running.exitCode === null) {
      // What it started it takes down itself.
      running.kill('SIGINT')
      const patience = setTimeout(() => running.kill('SIGKILL'), 15_000)
      await new Promise((resolve) => running.once('close', resolve))
      clearTimeout(patience)
    }
    // In a group of its own: a second Ctrl-C must not stop the clearing up.
    const removal = spawn(process.execPath, [musigBin, 'cluster', 'rm'], { cwd: root, env: this.env, stdio: 'ignore', detached: true })
    await new Promise((resolve) => removal.once('close', resolve).once('error', resolve))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** @param {Stage} stage @param {string} name @param {object[]} lines */
function writeLines(stage, name, lines) {
  writeFileSync(join(stage.folder, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return name
}

/** @param {Stage} stage @param {number} n */
async function play(stage, n) {
  const begun = Date.now()
  say(`1. ${n} signers, each a process of its own with its own key. They find each other over WebSockets; nobody leads.`)
  await stage.musig(['cluster', 'up', '-n', String(n)])

  say(
    '2. Six accounts are opened at once, through six signers. They share no key, so nothing has to wait for anything: one trip down the tree, one up, and the votes alone decide (the fast path).',
  )
  await stage.musig(['tx', 'submit', '--batch', writeLines(stage, 'accounts.jsonl', OPENINGS), '--timeout', '30000'])

  say(
    '3. Now a quarrel. Alice has 100 and sends 80 to Bob through one signer and 80 to Carol through another one, at the same moment, while Bob and Carol pay as well. The signers see these in different orders, so a third phase settles it (the slow path). The last two lines touch other accounts and are not held up.',
  )
  await stage.musig(['tx', 'submit', '--batch', writeLines(stage, 'transfers.jsonl', TRANSFERS), '--timeout', '30000'], { codes: [0, 1] })
  say('One of Alice’s two transfers was refused, the same one at every signer. Money is neither made nor lost; signer 3 says so:')
  await stage.musig(['query', 'accounts', '--from', String(Math.min(3, n - 1))])

  const { transactions } = await stage.document(['tx', 'list'])
  const contested = transactions.find((/** @type {any} */ tx) => tx.path === 'slow') ?? transactions[0]
  const id = contested.txId.slice(0, 8)
  say(
    `4. How did ${id}, one of the quarrelling transfers, travel? Every transaction has its own tree of signers, drawn from its id: nobody is the root for long.`,
  )
  await stage.musig(['inspect', 'tree', id])
  say('5. Why this order? Each signer votes on what reached it first. The line that lies below another one for most signers goes first.')
  await stage.musig(['inspect', 'order', id])
  say(`6. Who signed? ${n} signers, one signature of 96 bytes, and as many pairings as there are different messages, plus one.`)
  await stage.musig(['inspect', 'sig', id])

  say(
    '7. The certificate is kept, everything is taken down, and the certificate still proves the order: it is checked offline, with the manifest alone, by a second implementation of the signatures (noble instead of blst).',
  )
  await stage.musig(['tx', 'show', id, '--certificate', 'certificate.json'])
  copyFileSync(join(stage.env.MUSIG_HOME, 'clusters', 'demo', 'manifest.json'), join(stage.folder, 'manifest.json'))
  await stage.musig(['cluster', 'down'])
  await stage.musig(['verify', 'cert', 'certificate.json', '--manifest', 'manifest.json', '--bls', 'noble'])

  const seconds = Math.round((Date.now() - begun) / 1000)
  say(`Done in ${seconds} s; nothing is left running. Try it yourself:`)
  console.log(`
  npx musig cluster up -n 7
  npx musig tx open alice 100 && npx musig tx open bob && npx musig tx transfer alice bob 10
  npx musig tx list
  npx musig inspect order ID --svg order.svg
  npx musig cluster down

musig --help lists all commands; docs/protocol.md tells how it works and docs/promises.md what it promises.`)
}

await main(async () => {
  const n = signersAsked()
  ready()
  const stage = new Stage()
  let stopped = false
  const stop = () => {
    if (stopped) return
    stopped = true
    console.error('\nStopping: the cluster is taken down…')
    stage.takeDown().finally(() => process.exit(130))
  }
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop)
  try {
    await play(stage, n)
  } finally {
    if (!stopped) await stage.takeDown()
  }
})
