/**
 * Load: `npm run load -- --clients 16 --seconds 10`. Clients in a closed loop move money between accounts of a cluster that runs (`--cluster NAME`, in
 * MUSIG_HOME) or, without that, of one of its own. Prints throughput, latency and the share on the fast path.
 */
import { parseArgs } from 'node:util'
import { SeededRandom } from '../src/lib/base/prng.js'
import { ClusterFolder } from '../src/lib/cluster/cluster-folder.js'
import { Client } from '../src/lib/node/client.js'
import { OwnCluster } from './chaos/own-cluster.js'
import { figuresOf, Transfers } from './chaos/transfers.js'

const TIMEOUT_MS = 10_000

const { values } = parseArgs({
  options: {
    cluster: { type: 'string' },
    home: { type: 'string', default: process.env['MUSIG_HOME'] ?? '' },
    n: { type: 'string', short: 'n', default: '7' },
    clients: { type: 'string', default: '16' },
    accounts: { type: 'string', default: '32' },
    conflicts: { type: 'string', default: '0.1' },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})

function number(name: 'n' | 'clients' | 'accounts' | 'conflicts' | 'seconds', least: number, most: number): number {
  const value = Number(values[name])
  if (!(value >= least && value <= most)) throw new Error(`--${name} ${values[name]} is no number from ${least} to ${most}`)
  return value
}

async function load(folder: ClusterFolder, signal: AbortSignal) {
  const clients = Math.floor(number('clients', 1, 256))
  const accounts = Math.floor(number('accounts', 2, 10_000))
  const conflicts = number('conflicts', 0, 1)
  const seconds = number('seconds', 1, 3600)
  const { clusterId, n, machine } = folder.manifest(folder.read())
  if (machine !== 'ledger') throw new Error(`the cluster runs the ${machine} machine; load needs one with --machine ledger`)
  const client = new Client({ clusterFile: folder.file })
  try {
    const random = new SeededRandom(values.seed)
    const prefix = `load${Date.now().toString(36)}.`
    const transfers = new Transfers({ client, clusterId, n, prefix, accounts, conflicts, doubles: 0, timeoutMs: TIMEOUT_MS, random })
    await transfers.open()
    const begun = performance.now()
    await transfers.run(clients, 0, () => signal.aborted || performance.now() - begun > seconds * 1000)
    return { schema: 1, n, clients, accounts, conflicts, seconds, ...figuresOf(transfers.seen, begun) }
  } finally {
    client.close()
  }
}

async function main(): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort())
  const own = values.cluster === undefined ? new OwnCluster() : undefined
  if (!own && values.home === '') throw new Error('--cluster needs MUSIG_HOME or --home, the state folder that holds it')
  try {
    await own?.up(['-n', String(Math.floor(number('n', 1, 31))), '--machine', 'ledger'])
    const result = await load(own?.folder ?? new ClusterFolder(values.home, values.cluster ?? ''), stop.signal)
    if (values.json) console.log(JSON.stringify(result))
    else show(result)
  } finally {
    await own?.end(false)
  }
}

function show({ n, clients, conflicts, executed, perSecond, latencyMs, fastShare, refused, unknown }: Awaited<ReturnType<typeof load>>): void {
  console.log(`n = ${n}, ${clients} clients, ${conflicts} of the transfers on two accounts: ${executed} executed, ${perSecond} /s`)
  console.log(`p50 ${latencyMs.p50} ms, p95 ${latencyMs.p95} ms, p99 ${latencyMs.p99} ms; ${fastShare} on the fast path`)
  console.log(`errors: ${refused} refused, ${unknown} without an answer`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
})
