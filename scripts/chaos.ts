/**
 * Chaos: `npm run chaos -- --minutes 5 -n 7 --seed S`. A cluster of its own under conflicting transfers, hurt as the seed decides, healed, and judged by
 * a checker that shares no rule with it. Exit code 0: every promise was kept and the run says something; 1: not; 2: wrong usage. Ctrl-C leaves nothing running.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SeededRandom } from '../src/lib/base/prng.js'
import { Client } from '../src/lib/node/client.js'
import { checkHistory, type Violation } from './chaos/checker.js'
import { certificateFaults, settled, statesOf } from './chaos/collect.js'
import { type FaultCounts, hurt } from './chaos/faults.js'
import { OwnCluster } from './chaos/own-cluster.js'
import { figuresOf, Transfers } from './chaos/transfers.js'

const ACCOUNTS = 6
const PAUSE_MS = 60
/** Longer than a recovery after a fault takes: a client that gave up sooner would learn nothing. */
const TIMEOUT_MS = 30_000
const SETTLE_MS = 120_000
const CERTIFICATES = 200
const SHOWN = 20

interface Choices {
  n: number
  minutes: number
  clients: number
  seed: string
}

function choicesOf(args: string[]): Choices & { json: boolean } {
  const { values } = parseArgs({
    args,
    options: {
      n: { type: 'string', short: 'n', default: '7' },
      minutes: { type: 'string', default: '5' },
      clients: { type: 'string', default: '8' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      json: { type: 'boolean', default: false },
    },
  })
  const number = (name: 'n' | 'minutes' | 'clients', least: number, most: number): number => {
    const value = Number(values[name])
    if (!(value >= least && value <= most)) throw new Error(`--${name} ${values[name]} is no number from ${least} to ${most}`)
    return value
  }
  return {
    n: Math.floor(number('n', 1, 31)),
    minutes: number('minutes', 0.05, 600),
    clients: Math.floor(number('clients', 1, 64)),
    seed: values.seed,
    json: values.json,
  }
}

async function chaos({ n, minutes, clients, seed }: Choices, cluster: OwnCluster, signal: AbortSignal, told: (line: string) => void) {
  await cluster.up(['-n', String(n), '--machine', 'ledger'])
  const { clusterId, quorum } = cluster.folder.manifest(cluster.folder.read())
  const client = new Client({ clusterFile: cluster.folder.file })
  try {
    const random = new SeededRandom(`${seed}/load`)
    const transfers = new Transfers({
      client,
      clusterId,
      n,
      prefix: 'a',
      accounts: ACCOUNTS,
      conflicts: 0.6,
      doubles: 0.2,
      timeoutMs: TIMEOUT_MS,
      random,
    })
    await transfers.open()
    const begun = performance.now()
    const isOver = () => signal.aborted || performance.now() - begun > minutes * 60_000
    const [faults] = await Promise.all([
      hurt(cluster, n, n - quorum, new SeededRandom(`${seed}/faults`), isOver, told),
      transfers.run(clients, PAUSE_MS, isOver),
    ])
    signal.throwIfAborted()
    told('healing')
    await cluster.up()
    const rest = await settled(client, n, SETTLE_MS)
    signal.throwIfAborted()
    told(`asking ${n} signers for ${transfers.seen.length} transactions`)
    const states = await statesOf(client, n, transfers)
    const batchIds = [...new Set([...(states[0]?.places.values() ?? [])].map(({ batchId }) => batchId))]
    told(`checking certificates of ${batchIds.length} batches`)
    const certificates = await certificateFaults(client, cluster, batchIds, CERTIFICATES)
    const violations: Violation[] = [...checkHistory(transfers.seen, states), ...certificates.violations, ...('ms' in rest ? [] : [rest])]
    writeFileSync(
      join(cluster.home, 'history.json'),
      JSON.stringify({ seen: transfers.seen, states: states.map((state) => ({ ...state, places: [...state.places] })) }),
    )
    const figures = figuresOf(transfers.seen, begun)
    const happened = transfers.seen.filter(({ txId, outcome }) => outcome === 'unknown' && states[0]?.places.has(txId)).length
    return {
      schema: 1,
      seed,
      n,
      minutes,
      clients,
      verdict: verdictOf(violations, figures, faults),
      faults,
      ...figures,
      /** Of the unknown ones those that were executed in the end. */
      happened,
      batches: batchIds.length,
      certificatesChecked: certificates.checked,
      settledMs: 'ms' in rest ? rest.ms : null,
      violations,
    }
  } finally {
    client.close()
  }
}

/** A run in which most clients got no answer, or nobody was hurt, says nothing. */
function verdictOf(
  violations: readonly Violation[],
  { sent, executed }: { sent: number; executed: number },
  faults: FaultCounts,
): 'ok' | 'broken' | 'unknown' {
  if (violations.length > 0) return 'broken'
  return executed > sent / 2 && Object.values(faults).some((count) => count > 0) ? 'ok' : 'unknown'
}

async function main(): Promise<void> {
  const choices = choicesOf(process.argv.slice(2))
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort(new Error('broken off')))
  const again = `npm run chaos -- --minutes ${choices.minutes} -n ${choices.n} --clients ${choices.clients} --seed ${choices.seed}`
  const cluster = new OwnCluster()
  let isGood = false
  try {
    const summary = await chaos(choices, cluster, stop.signal, (line) => process.stderr.write(`${line}\n`))
    isGood = summary.verdict === 'ok'
    if (choices.json) console.log(JSON.stringify(isGood ? summary : { ...summary, again, home: cluster.home }))
    else show(summary)
  } finally {
    await cluster.end(!isGood && !stop.signal.aborted)
    if (!isGood && !stop.signal.aborted) process.stderr.write(`again with: ${again}\nlogs and history are in ${cluster.home}\n`)
  }
  if (!isGood) process.exitCode = 1
}

function show(summary: Awaited<ReturnType<typeof chaos>>): void {
  const { faults, latencyMs, violations } = summary
  console.log(`${summary.verdict}: n = ${summary.n}, ${summary.minutes} min, seed ${summary.seed}`)
  console.log(
    `  faults: ${faults.kill} × kill -9 of some, ${faults.killAll} × of all, ${faults.pause} × pause, ${faults.partition} × partition, ${faults.links} × late and lossy links; settled after ${summary.settledMs ?? '–'} ms`,
  )
  const reasons = Object.entries(summary.reasons).map(([code, count]) => `${count} ${code}`)
  const maybe = summary.unknown > 0 ? ` (${reasons.join(', ')}; ${summary.happened} were executed in the end)` : ''
  console.log(
    `  ${summary.sent} sent, ${summary.executed} executed, ${summary.refused} refused, ${summary.unknown} maybe${maybe}; ${summary.perSecond} /s`,
  )
  console.log(
    `  p50 ${latencyMs.p50} ms, p95 ${latencyMs.p95} ms, p99 ${latencyMs.p99} ms; ${summary.fastShare} on the fast path, ${summary.recovered} by recovery`,
  )
  console.log(`  ${summary.certificatesChecked} certificates of ${summary.batches} batches verified offline`)
  for (const { invariant, detail } of violations.slice(0, SHOWN)) console.log(`  ${invariant}: ${detail}`)
  if (violations.length > SHOWN) console.log(`  and ${violations.length - SHOWN} more`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof Error && error.message.startsWith('--') ? 2 : 1
})
