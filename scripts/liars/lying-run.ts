/**
 * One cluster of processes with liars in it: transactions through the honest, some of them conflicting, some through the liars; then the same while honest ones are killed,
 * paused and slowed. Owns what is sent and who is hurt, what transactions took, and how often each liar had its turn.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Id, utf8 } from '../../src/lib/base/bytes.js'
import { clusterStatus } from '../../src/lib/cluster/status.js'
import type { Transaction } from '../../src/lib/core/transaction.js'
import { Client } from '../../src/lib/node/client.js'
import type { OwnCluster } from '../chaos/own-cluster.js'
import { LIES, NOBODY, type Turn } from './lies.js'
import { Naming } from './naming.js'

/** Who lies in a cluster of a size, and which processes of honest signers are hurt: never more than may be down, the liars counted in. */
export interface Size {
  /** Signers in a process; liars share none with the honest. */
  pack: number
  liars: readonly number[]
  killed: number
  paused: number
  slowed: readonly [number, number]
}

/** The clusters that are measured, by their size. */
export const SIZES: Readonly<Record<string, Size>> = {
  7: { pack: 1, liars: [3], killed: 0, paused: 1, slowed: [2, 4] },
  31: { pack: 3, liars: [27, 28, 29], killed: 0, paused: 3, slowed: [6, 12] },
}

/** What came of one lie. */
export interface Row {
  n: number
  lie: string
  executed: number
  p50: number
  p95: number
  /** Kinds of evidence against liars, and what honest signers and peers suspect them of. */
  evidence: string[]
  suspicion: string[]
  /** Seconds from the first transaction until every liar was proved guilty, or one was suspected where none was proved; null: neither. */
  namedAfter: number | null
  /** Seconds until honest signers held a proof against each, before anybody asked; null: not against each. */
  heldAfter: number | null
  /** How many of the liars were proved guilty, of how many. */
  named: number
  liars: number
  /** How often each liar could lie, where its lie needs a batch of its own; a count of null: it did not say. Null: every batch is a turn. */
  turns: { liar: number; count: number | null }[] | null
  /** Whether honest signers came to one order and state, and whether evidence named anybody honest. */
  agree: boolean
  slandered: boolean
}

const PATIENCE_MS = 60_000
/** So many transactions are waited for, up to three times as long. */
const LEAST = 12
const PAUSE_MS = 2000
const SLOW_MS = 300

export class LyingRun {
  readonly #n: number
  readonly #lie: string
  readonly #size: Size
  readonly #cluster: OwnCluster
  readonly #honest: number[]
  readonly #turn: Turn | undefined
  /** Transactions that each liar was given, by their ids. */
  readonly #given = new Map<number, Id[]>()
  readonly #latencies: number[] = []
  #isMeasured = true

  /** Errors: `Error` on a size that is not measured. */
  constructor(n: number, lie: string, cluster: OwnCluster) {
    const size = SIZES[n]
    if (!size) throw new Error(`-n ${n} is none of ${Object.keys(SIZES).join(', ')}`)
    this.#n = n
    this.#lie = lie
    this.#turn = LIES[lie]?.turn
    this.#size = lie === NOBODY ? { ...size, liars: [] } : size
    this.#cluster = cluster
    this.#honest = Array.from({ length: n }, (_, i) => i).filter((i) => !size.liars.includes(i))
  }

  /** Runs it: so many seconds calm, then as long as it takes to hurt the honest. */
  async row(seconds: number): Promise<Row> {
    const { liars, pack } = this.#size
    const [first = 0] = liars
    const told = liars.length === 0 ? [] : ['--byzantine', `${liars.length === 1 ? first : `${first}-${liars.at(-1)}`}:${this.#lie}`]
    const peers = this.#lie === 'mislead-peers' || this.#lie === 'collude' ? 1 : 0
    const more = ['--pack', String(pack), '--peers', String(peers), ...told]
    await this.#cluster.up(['-n', String(this.#n), '--machine', 'documents', '--seed', 'liars', ...more])
    const client = new Client({ clusterFile: this.#cluster.folder.file })
    try {
      return await this.#observed(client, seconds, peers)
    } finally {
      client.close()
    }
  }

  async #observed(client: Client, seconds: number, peers: number): Promise<Row> {
    const over = new AbortController()
    const { home, cluster } = this.#cluster
    const naming = new Naming(client, { home, cluster }, { n: this.#n, peers, liars: this.#size.liars })
    const watching = naming.watch(over.signal)
    const loading = this.#load(client, over.signal)
    try {
      const end = performance.now() + seconds * 1000
      const latest = end + 2 * seconds * 1000
      while (performance.now() < end || (this.#latencies.length < LEAST && performance.now() < latest)) await sleep(100)
      this.#isMeasured = false
      await this.#hurt()
    } finally {
      // Also where it fails: nobody is left who looks and sends for ever.
      over.abort()
    }
    await loading
    const agree = await this.#agree()
    const { evidence, suspicion, namedAfter, heldAfter, named, slandered } = await watching
    const turns = this.#turn ? await this.#turnsOf(client, this.#turn) : null
    const sorted = this.#latencies.sort((a, b) => a - b)
    const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN)
    const seen = { evidence: [...evidence], suspicion: [...suspicion], namedAfter, heldAfter, named, liars: this.#size.liars.length, turns }
    return { n: this.#n, lie: this.#lie, executed: sorted.length, p50: at(0.5), p95: at(0.95), ...seen, agree, slandered }
  }

  /**
   * Rounds of transactions through three honest signers, two of them on one key. In one of four a liar is given one too, and owes nothing; in each all of them are, where
   * their lie needs it.
   */
  async #load(client: Client, over: AbortSignal): Promise<void> {
    const put = (id: string, to: number) => ({
      deps: [`doc:${id}`],
      payload: utf8(JSON.stringify({ op: 'put', id, document: { to } })),
      ...{ client: null, nonce: randomBytes(16), expiry: null, signature: null },
    })
    for (let i = 0; !over.aborted; i++) {
      const to = (k: number) => this.#honest[(3 * i + k) % this.#honest.length] ?? 0
      const { liars } = this.#size
      const isMeasured = this.#isMeasured
      const submit = async (id: string, signer: number) => {
        const result = await client.submit(put(id, signer), { to: signer, timeoutMs: PATIENCE_MS }).catch(() => undefined)
        if (isMeasured && result?.status === 'executed' && result.latencyMs !== null) this.#latencies.push(result.latencyMs)
      }
      for (const liar of liars)
        if (this.#turn || (i % 4 === 0 && liar === liars[(i / 4) % liars.length]))
          this.#give(client, liar, put(this.#turn === 'batch' ? `of-${liar}` : 'shared', liar))
      await Promise.all([submit(`own-${i}`, to(0)), submit('shared', to(1)), submit('shared', to(2))])
    }
  }

  #give(client: Client, liar: number, transaction: Transaction): void {
    const given = this.#given.get(liar) ?? []
    this.#given.set(liar, given)
    const keep = ({ txId }: { txId: Id }) => given.push(txId)
    client.submit(transaction, { to: liar, wait: 'none' }).then(keep, () => undefined)
  }

  /** Batches of each liar's own; with `order` those that it ordered. Asked of the liar: what it lies about is not this. */
  async #turnsOf(client: Client, turn: Turn): Promise<{ liar: number; count: number | null }[]> {
    return Promise.all(
      this.#size.liars.map(async (liar) => {
        const batchIds = new Set<Id>()
        try {
          for (const txId of this.#given.get(liar) ?? []) {
            const { batchId } = await client.show(txId, { from: liar })
            if (batchId !== null) batchIds.add(batchId)
          }
          let count = 0
          for (const batchId of batchIds) if (turn === 'batch' || (await hasOrdered(client, liar, batchId))) count++
          return { liar, count }
        } catch {
          return { liar, count: null }
        }
      }),
    )
  }

  /** Slows a link, kills a process of honest signers and starts it again, stops another for a while. */
  async #hurt(): Promise<void> {
    const cluster = this.#cluster
    const { killed, paused, slowed } = this.#size
    const [from, to] = slowed
    await cluster.link({ from, to, delayMs: SLOW_MS, oneWay: false })
    await cluster.kill(killed)
    await cluster.restart(killed)
    await cluster.pause(paused, true)
    await sleep(PAUSE_MS)
    await cluster.pause(paused, false)
    await cluster.heal()
  }

  /** Whether honest signers come to the same order and state. */
  async #agree(): Promise<boolean> {
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(250)) {
      const { signers } = await clusterStatus(this.#cluster.folder)
      const states = this.#honest.map((i) => [signers[i]?.executed ?? 'none', signers[i]?.orderDigest, signers[i]?.machineDigest].join('/'))
      if (new Set(states).size === 1 && !states[0]?.startsWith('none')) return true
    }
    return false
  }
}

/** Whether a signer ordered this batch in its first ballot. */
async function hasOrdered(client: Client, signer: number, batchId: Id): Promise<boolean> {
  const { moments } = await client.timeline(batchId, { from: signer })
  return moments?.some(({ what, ballot, signer: from }) => what === 'ordered' && ballot === 0 && from === undefined) ?? false
}
