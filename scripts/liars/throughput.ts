/**
 * What equivocating signers cost: transfers in a closed loop on an honest cluster, on one with them, and on the same once `cluster evict` has taken out whom evidence names.
 * In turns, so that the machine's moods meet all.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { Client } from '../../src/lib/node/client.js'
import { OwnCluster } from '../chaos/own-cluster.js'
import { figuresOf, Transfers } from '../chaos/transfers.js'
import { SIZES, type Size } from './lying-run.js'
import { Naming } from './naming.js'

/** Clients, and the signers that they give their transfers to, so that several share a batch. */
const [CLIENTS, ENTRIES] = [16, 2]
/** Accounts, and the share of transfers on two of these. */
const [ACCOUNTS, CONFLICTS] = [256, 0.05]
const TIMEOUT_MS = 60_000
/** Until all is warm, before what counts. */
const WARM_MS = 5000
/** How long liars may take to contradict themselves. */
const NAMED_MS = 60_000
const LOOK_MS = 500
/** How often an eviction is tried. */
const EVICTIONS = 3

/** Transactions a second. */
export interface Throughput {
  honest: number
  /** While the liars take part. */
  lying: number
  /** Once they are evicted. */
  evicted: number
}

interface Choices {
  n: number
  seconds: number
  turns: number
  told: (line: string) => void
  /** Takes the cluster that runs, for whoever breaks this off. */
  runs: (cluster: OwnCluster) => void
  broken: AbortSignal
}

type Figures = ReturnType<typeof figuresOf>

/** The means over all turns. Errors: `Error` where the honest cluster executes nothing, or a liar is not named. */
export async function throughput(choices: Choices): Promise<Throughput> {
  const { n, turns, told, broken } = choices
  const size = SIZES[n]
  if (!size) throw new Error(`-n ${n} is none of ${Object.keys(SIZES).join(', ')}`)
  const sums: Throughput = { honest: 0, lying: 0, evicted: 0 }
  const count = (turn: number, kind: keyof Throughput, who: string, { perSecond, executed, refused, unknown }: Figures) => {
    sums[kind] += perSecond / turns
    told(`turn ${turn + 1}, ${who}: ${perSecond} transactions a second; ${executed} executed, ${refused} refused, ${unknown} without an answer`)
  }
  for (let turn = 0; turn < turns && !broken.aborted; turn++) {
    const honest = async () => count(turn, 'honest', `all ${n} honest`, await new Loop(choices, size).honest())
    const lying = async () => {
      const { before, after } = await new Loop(choices, size).lying()
      const many = size.liars.length
      count(turn, 'lying', `${many} of ${n} equivocate`, before)
      told(`turn ${turn + 1}: evidence named all who lie and nobody else; they were evicted`)
      count(turn, 'evicted', `${n - many} left`, after)
    }
    for (const run of turn % 2 === 0 ? [honest, lying] : [lying, honest]) if (!broken.aborted) await run()
  }
  if (sums.honest === 0) throw new Error('the honest cluster executed nothing: the machine is too busy for this')
  return sums
}

/** One cluster and its closed loop. */
class Loop {
  readonly #choices: Choices
  readonly #size: Size
  readonly #cluster = new OwnCluster()
  #runs = 0

  constructor(choices: Choices, size: Size) {
    this.#choices = choices
    this.#size = size
    choices.runs(this.#cluster)
  }

  honest(): Promise<Figures> {
    return this.#with([], (client) => this.#measured(client))
  }

  /** With liars, and without those that evidence names: as an operator does it who looks at `inspect faults`. */
  async lying() {
    const { liars } = this.#size
    const { home, cluster } = this.#cluster
    return this.#with(['--byzantine', `${liars.map((liar) => `${liar}:equivocate`).join()}`], async (client) => {
      const naming = new Naming(client, { home, cluster }, { n: this.#choices.n, peers: 0, liars })
      const before = await this.#measured(client)
      await this.#untilNamed(client, naming)
      for (const liar of liars) await this.#evict(liar)
      return { before, after: await this.#measured(client) }
    })
  }

  /** Transfers go on meanwhile: who has nothing to vote for cannot contradict itself. Errors: `Error` where a liar is not named, or somebody honest is. */
  async #untilNamed(client: Client, naming: Naming): Promise<void> {
    const { liars } = this.#size
    const transfers = this.#transfers(client)
    await transfers.open()
    let isOver = false
    const running = transfers.run(CLIENTS, 0, () => isOver || this.#choices.broken.aborted)
    for (const end = performance.now() + NAMED_MS; !naming.isDone && performance.now() < end; await sleep(LOOK_MS)) await naming.look()
    isOver = true
    await running
    const { named, slandered } = naming.seen
    if (slandered || !naming.isDone) throw new Error(`evidence names ${named} of ${liars.length} liars${slandered ? ', and somebody honest' : ''}`)
  }

  /** As often as a patient operator tries: on a busy machine a signer may not answer in time, and the change be made all the same. */
  async #evict(liar: number): Promise<void> {
    const isOut = () => (this.#cluster.folder.read().signers[liar]?.evictedIn ?? null) !== null
    for (let attempt = 1; !isOut(); attempt++) {
      await this.#cluster.evict(liar).catch((error: unknown) => {
        if (!isOut() && (attempt === EVICTIONS || this.#choices.broken.aborted)) throw error
      })
    }
  }

  async #with<T>(flags: readonly string[], work: (client: Client) => Promise<T>): Promise<T> {
    const { n } = this.#choices
    try {
      await this.#cluster.up(['-n', String(n), '--machine', 'ledger', '--pack', String(this.#size.pack), ...flags])
      const client = new Client({ clusterFile: this.#cluster.folder.file })
      try {
        return await work(client)
      } finally {
        client.close()
      }
    } finally {
      await this.#cluster.end(false)
    }
  }

  /** A while until all is warm, then so many seconds that count. */
  async #measured(client: Client): Promise<Figures> {
    const { broken, seconds } = this.#choices
    const transfers = this.#transfers(client)
    const until = async (ms: number) => {
      const end = performance.now() + ms
      await transfers.run(CLIENTS, 0, () => broken.aborted || performance.now() > end)
    }
    await transfers.open()
    await until(WARM_MS)
    const begun = performance.now()
    await until(seconds * 1000)
    return figuresOf(transfers.seen, begun)
  }

  #transfers(client: Client): Transfers {
    const { clusterId } = this.#cluster.folder.manifest(this.#cluster.folder.read())
    const prefix = `run-${this.#runs++}-`
    return new Transfers({
      // Those before the first liar: all are honest.
      ...{ client, clusterId, n: Math.min(ENTRIES, ...this.#size.liars), prefix, accounts: ACCOUNTS, conflicts: CONFLICTS, doubles: 0 },
      ...{ timeoutMs: TIMEOUT_MS, random: new SeededRandom(prefix), signal: this.#choices.broken },
    })
  }
}
