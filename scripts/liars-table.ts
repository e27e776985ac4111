/**
 * Liars, one after the other: `npm run liars -- --seconds 8 --lies equivocate,withhold`. For each lie a cluster of its own (n = 7) in which signer 3 tells it, transactions
 * through all signers, some of which conflict, and what honest signers saw: evidence or suspicion, after how long, and what transactions through the honest took. Prints
 * the table of docs/liars.md. Exit code 0: honest signers agree and nobody honest was named by evidence; 1: not; 2: wrong usage. Ctrl-C leaves nothing running.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { utf8 } from '../src/lib/base/bytes.js'
import { LIE_NAMES, lieNamed } from '../src/lib/byzantine/lies.js'
import { clusterStatus } from '../src/lib/cluster/status.js'
import { Client } from '../src/lib/node/client.js'
import { OwnCluster } from './chaos/own-cluster.js'

const N = 7
const LIAR = 3
const HONEST = [0, 1, 2, 4, 5, 6]
const PATIENCE_MS = 60_000
const LOOK_MS = 250
/** What stands for a cluster without liars. */
const NOBODY = 'nobody'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    lies: { type: 'string', default: [NOBODY, ...LIE_NAMES].join() },
    json: { type: 'boolean', default: false },
  },
})

interface Row {
  lie: string
  executed: number
  p50: number
  p95: number
  fastShare: number
  /** Kinds of evidence that honest signers hold; and what signers and peers suspect the liar of. */
  evidence: string[]
  suspicion: string[]
  /** Seconds from the first transaction to the first evidence, or else to the first suspicion. */
  namedAfter: number | null
  agree: boolean
  slandered: boolean
}

/** Who of the honest, or of the peers, names whom, looked at again and again until `stopped`. */
async function watch(client: Client, peers: number, stopped: () => boolean) {
  const begun = performance.now()
  const seen = { evidence: new Map<string, number>(), suspicion: new Map<string, number>(), slandered: false }
  const note = (map: Map<string, number>, what: string) => map.has(what) || map.set(what, performance.now() - begun)
  for (let last = false; !last; ) {
    last = stopped()
    const signers = await Promise.all(HONEST.map((from) => client.status({ from, timeoutMs: PATIENCE_MS }).catch(() => undefined)))
    const followers = await Promise.all(Array.from({ length: peers }, (_, peer) => client.peerStatus(peer).catch(() => undefined)))
    for (const status of signers)
      for (const { kind, signers: named } of status?.evidence ?? []) {
        if (named.some((signer) => signer !== LIAR)) seen.slandered = true
        note(seen.evidence, kind)
      }
    for (const status of [...signers, ...followers])
      for (const { signer, reason } of status?.suspicion ?? [])
        if (signer === LIAR) note(seen.suspicion, reason.replace(/\b([0-9a-f]{8,}|\d+)\b/g, '…'))
    await sleep(LOOK_MS)
  }
  return seen
}

async function measure(lie: string, seconds: number, cluster: OwnCluster): Promise<Row> {
  const peers = lie === 'mislead-peers' || lie === 'collude' ? 1 : 0
  const liars = lie === NOBODY ? [] : ['--byzantine', `${LIAR}:${lie}`]
  await cluster.up(['-n', String(N), '--machine', 'documents', '--seed', 'liars', '--peers', String(peers), ...liars])
  const client = new Client({ clusterFile: cluster.folder.file })
  try {
    let isOver = false
    const watching = watch(client, peers, () => isOver)
    const latencies: number[] = []
    let fast = 0
    const submit = async (to: number, id: string) => {
      const payload = utf8(JSON.stringify({ op: 'put', id, document: { to } }))
      const result = await client.submit(
        { deps: [`doc:${id}`], payload, client: null, nonce: randomBytes(16), expiry: null, signature: null },
        { to, timeoutMs: PATIENCE_MS },
      )
      latencies.push(result.latencyMs ?? Number.NaN)
      if (result.path === 'fast') fast++
    }
    const tempt = (id: string) => {
      const payload = utf8(JSON.stringify({ op: 'put', id, document: { to: LIAR } }))
      const transaction = { deps: [`doc:${id}`], payload, client: null, nonce: randomBytes(16), expiry: null, signature: null }
      // What becomes of it is the liar's to choose.
      return client.submit(transaction, { to: LIAR, wait: 'none' }).catch(() => undefined)
    }
    const end = performance.now() + seconds * 1000
    for (let i = 0; performance.now() < end; i++) {
      const pick = (k: number) => HONEST[(i + k) % HONEST.length] ?? 0
      await Promise.all([
        submit(pick(0), `own-${i}`),
        submit(pick(1), 'shared'),
        submit(pick(2), 'shared'),
        ...(i % 4 === 0 ? [tempt('shared')] : []),
      ])
    }
    isOver = true
    const { evidence, suspicion, slandered } = await watching
    const [first] = evidence.size > 0 ? evidence.values() : suspicion.values()
    latencies.sort((a, b) => a - b)
    const at = (share: number) => Math.round(latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN)
    return {
      ...{ lie, executed: latencies.length, p50: at(0.5), p95: at(0.95), fastShare: fast / latencies.length },
      ...{ evidence: [...evidence.keys()], suspicion: [...suspicion.keys()], namedAfter: first === undefined ? null : first / 1000, slandered },
      agree: await agree(cluster),
    }
  } finally {
    client.close()
  }
}

/** Whether honest signers come to the same order and state. */
async function agree({ folder }: OwnCluster): Promise<boolean> {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(LOOK_MS)) {
    const { signers } = await clusterStatus(folder)
    const states = new Set(HONEST.map((i) => [signers[i]?.executed, signers[i]?.orderDigest, signers[i]?.machineDigest].join('/')))
    if (states.size === 1) return true
  }
  return false
}

function line({ lie, p50, p95, fastShare, evidence, suspicion, namedAfter }: Row): string {
  const seen = [...evidence.map((kind) => `evidence: ${kind}`), ...suspicion.slice(0, 2).map((reason) => `suspicion: ${reason}`)].join('; ') || '–'
  const after = namedAfter === null ? '–' : `${namedAfter.toFixed(1)} s`
  return `| ${lie === NOBODY ? lie : `\`${lie}\``} | ${seen} | ${after} | ${p50} ms | ${p95} ms | ${Math.round(fastShare * 100)} % |`
}

const seconds = Number(values.seconds)
const lies = values.lies.split(',')
try {
  if (!(seconds >= 1 && seconds <= 600)) throw new Error(`--seconds ${values.seconds} is no number from 1 to 600`)
  for (const lie of lies) if (lie !== NOBODY) lieNamed(lie)
} catch (error) {
  process.stderr.write(`Error: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
}
let broken = false
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    broken = true
  })
if (!values.json) console.log('| lie | what honest signers and peers see | after | p50 | p95 | fast |\n|---|---|---|---|---|---|')
for (const lie of lies) {
  if (broken) break
  const cluster = new OwnCluster()
  try {
    const row = await measure(lie, seconds, cluster)
    console.log(values.json ? JSON.stringify({ schema: 1, ...row }) : line(row))
    if (row.agree && !row.slandered) continue
    process.stderr.write(`${lie}: ${row.agree ? 'evidence names somebody honest' : 'honest signers do not agree'}\n`)
    process.exitCode = 1
  } finally {
    await cluster.end(false)
  }
}
