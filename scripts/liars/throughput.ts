/** What equivocating signers cost: transfers in a closed loop on a cluster with them and on an honest one, in turns, so that the machine's moods meet both. */
import { SeededRandom } from '../../src/lib/base/prng.js'
import { Client } from '../../src/lib/node/client.js'
import { OwnCluster } from '../chaos/own-cluster.js'
import { figuresOf, Transfers } from '../chaos/transfers.js'
import { SIZES } from './lying-run.js'

/** Clients, accounts, and the share of transfers on two of these. */
const [CLIENTS, ACCOUNTS, CONFLICTS] = [16, 64, 0.05]
const TIMEOUT_MS = 60_000

/** Transactions a second of an honest cluster, of one with liars, and the share that is left: turn by turn. */
export async function throughput(n: number, seconds: number, turns: number, told: (line: string) => void, isOver: () => boolean): Promise<number> {
  const size = SIZES[n]
  if (!size) throw new Error(`-n ${n} is none of ${Object.keys(SIZES).join(', ')}`)
  const liars = n === 31 ? `${size.liars[0]}-${size.liars.at(-1)}` : `${size.liars[0]}`
  const sums = { honest: 0, lying: 0 }
  for (let turn = 0; turn < turns && !isOver(); turn++)
    for (const kind of turn % 2 === 0 ? (['honest', 'lying'] as const) : (['lying', 'honest'] as const)) {
      const more = kind === 'lying' ? ['--byzantine', `${liars}:equivocate`] : []
      const { perSecond, executed, unknown, refused } = await one(n, ['--pack', String(size.pack), ...more], seconds, size.liars, isOver)
      sums[kind] += perSecond
      const who = kind === 'lying' ? `${size.liars.length} of ${n} equivocate` : `all ${n} honest`
      told(`turn ${turn + 1}, ${who}: ${perSecond} transactions a second; ${executed} executed, ${refused} refused, ${unknown} without an answer`)
    }
  if (sums.honest === 0) throw new Error('the honest cluster executed nothing: the machine is too busy for this')
  return sums.lying / sums.honest
}

/** A cluster of its own: a while until liars are known and all is warm, then so many seconds that count. */
async function one(n: number, flags: readonly string[], seconds: number, liars: readonly number[], isOver: () => boolean) {
  const cluster = new OwnCluster()
  try {
    await cluster.up(['-n', String(n), '--machine', 'ledger', ...flags])
    const client = new Client({ clusterFile: cluster.folder.file })
    try {
      const { clusterId } = cluster.folder.manifest(cluster.folder.read())
      const transfersOf = (prefix: string) =>
        new Transfers({
          ...{ client, clusterId, n: n - liars.length, prefix, accounts: ACCOUNTS, conflicts: CONFLICTS, doubles: 0 },
          ...{ timeoutMs: TIMEOUT_MS, random: new SeededRandom(prefix) },
        })
      const until = async (transfers: Transfers, ms: number) => {
        const begun = performance.now()
        await transfers.run(CLIENTS, 0, () => isOver() || performance.now() - begun > ms)
      }
      const warm = transfersOf('warm')
      await warm.open()
      await until(warm, 5000)
      const transfers = transfersOf('run')
      await transfers.open()
      transfers.seen.length = 0
      const begun = performance.now()
      await until(transfers, seconds * 1000)
      return figuresOf(transfers.seen, begun)
    } finally {
      client.close()
    }
  } finally {
    await cluster.end(false)
  }
}
