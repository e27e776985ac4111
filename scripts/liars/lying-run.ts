/**
 * One cluster of processes with liars in it: transactions through the honest, some of them conflicting, some through the liars; then the same while honest ones are killed,
 * paused and slowed. Owns what is seen of it: who is proved guilty, by the library function behind `musig inspect faults`, after how long, and what transactions took.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { utf8 } from '../../src/lib/base/bytes.js'
import { killMember, pauseMembers, restartMember } from '../../src/lib/cluster/hurt.js'
import { Members } from '../../src/lib/cluster/members.js'
import { changeLink, healCluster } from '../../src/lib/cluster/network.js'
import { provedManifest } from '../../src/lib/cluster/proved-manifest.js'
import { clusterStatus } from '../../src/lib/cluster/status.js'
import { LiveFaults } from '../../src/lib/inspect/live-faults.js'
import { Client } from '../../src/lib/node/client.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import type { OwnCluster } from '../chaos/own-cluster.js'

/** Who lies in a cluster of a size, and which processes of honest signers are hurt: never more than may be down, the liars counted in. */
interface Size {
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

/** What stands for a cluster without liars. */
export const NOBODY = 'nobody'

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
  /** How many of the liars were proved guilty, of how many. */
  named: number
  liars: number
  /** Whether honest signers came to one order and state, and whether evidence named anybody honest. */
  agree: boolean
  slandered: boolean
}

const PATIENCE_MS = 60_000
/** So many transactions are waited for, up to three times as long. */
const LEAST = 12
/** Looking asks every signer, who have something else to do. */
const LOOK_MS = 1000
const PAUSE_MS = 2000
const SLOW_MS = 300

export class LyingRun {
  readonly #n: number
  readonly #lie: string
  readonly #size: Size
  readonly #cluster: OwnCluster
  readonly #honest: number[]
  readonly #latencies: number[] = []
  #isMeasured = true

  /** Errors: `Error` on a size that is not measured. */
  constructor(n: number, lie: string, cluster: OwnCluster) {
    const size = SIZES[n]
    if (!size) throw new Error(`-n ${n} is none of ${Object.keys(SIZES).join(', ')}`)
    this.#n = n
    this.#lie = lie
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
    let isOver = false
    const begun = performance.now()
    const watching = this.#watch(client, peers, begun, () => isOver)
    const loading = this.#load(client, () => isOver)
    const end = performance.now() + seconds * 1000
    const latest = end + 2 * seconds * 1000
    while (performance.now() < end || (this.#latencies.length < LEAST && performance.now() < latest)) await sleep(100)
    this.#isMeasured = false
    await this.#hurt()
    isOver = true
    await loading
    const agree = await this.#agree()
    const { evidence, suspicion, namedAfter, named, slandered } = await watching
    const sorted = this.#latencies.sort((a, b) => a - b)
    const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN)
    const seen = { evidence: [...evidence], suspicion: [...suspicion], namedAfter, named, liars: this.#size.liars.length }
    return { n: this.#n, lie: this.#lie, executed: sorted.length, p50: at(0.5), p95: at(0.95), ...seen, agree, slandered }
  }

  /** Rounds of transactions through three honest signers, two of them on one key; one in four through a liar too, who owes nothing. */
  async #load(client: Client, isOver: () => boolean): Promise<void> {
    const put = (id: string, to: number) => ({
      deps: [`doc:${id}`],
      payload: utf8(JSON.stringify({ op: 'put', id, document: { to } })),
      ...{ client: null, nonce: randomBytes(16), expiry: null, signature: null },
    })
    for (let i = 0; !isOver(); i++) {
      const to = (k: number) => this.#honest[(3 * i + k) % this.#honest.length] ?? 0
      const liar = this.#size.liars[i % Math.max(1, this.#size.liars.length)]
      const isMeasured = this.#isMeasured
      const submit = async (id: string, signer: number) => {
        const result = await client.submit(put(id, signer), { to: signer, timeoutMs: PATIENCE_MS }).catch(() => undefined)
        if (isMeasured && result?.status === 'executed' && result.latencyMs !== null) this.#latencies.push(result.latencyMs)
      }
      if (i % 4 === 0 && liar !== undefined) client.submit(put('shared', liar), { to: liar, wait: 'none' }).catch(() => undefined)
      await Promise.all([submit(`own-${i}`, to(0)), submit('shared', to(1)), submit('shared', to(2))])
    }
  }

  /** Slows a link, kills a process of honest signers and starts it again, stops another for a while. */
  async #hurt(): Promise<void> {
    const { home, cluster } = this.#cluster
    const { killed, paused, slowed } = this.#size
    const [from, to] = slowed
    await changeLink(home, cluster, { from, to, delayMs: SLOW_MS, oneWay: false })
    await killMember(home, cluster, killed)
    await restartMember(home, cluster, killed, new AbortController().signal)
    await pauseMembers(home, cluster, [paused], true)
    await sleep(PAUSE_MS)
    await pauseMembers(home, cluster, [paused], false)
    await healCluster(home, cluster)
  }

  /** Who is named, looked at again and again until it is over: then once more. */
  async #watch(client: Client, peers: number, begun: number, isOver: () => boolean) {
    const { home, cluster } = this.#cluster
    const { liars } = this.#size
    const crypto = loadCrypto()
    const faults = new LiveFaults(crypto, provedManifest(undefined, { home, cluster }, crypto.bls), new Members(client, this.#n, peers))
    const named = new Set<number>()
    const seen = { evidence: new Set<string>(), suspicion: new Set<string>(), slandered: false }
    let provedAfter: number | null = null
    let suspectedAfter: number | null = null
    for (let last = false; !last; ) {
      last = isOver()
      const data = await faults.look().catch(() => undefined)
      const after = (performance.now() - begun) / 1000
      for (const { kind, signers } of data?.evidence ?? []) {
        seen.evidence.add(kind)
        for (const signer of signers) named.add(signer)
      }
      seen.slandered ||= [...named].some((signer) => !liars.includes(signer))
      if (liars.length > 0 && liars.every((liar) => named.has(liar))) provedAfter ??= after
      const honest = new Set([...this.#honest.map((i) => `signer ${i}`), ...Array.from({ length: peers }, (_, i) => `peer ${i}`)])
      for (const { signer, reason, observers } of data?.suspicion ?? []) {
        if (!liars.includes(signer) || !observers.some((by) => honest.has(by)) || reason === 'does not answer') continue
        seen.suspicion.add(reason.replace(/\b([0-9a-f]{8,}|\d+)\b/g, '…'))
        suspectedAfter ??= after
      }
      await sleep(LOOK_MS)
    }
    const namedAfter = named.size > 0 ? provedAfter : suspectedAfter
    return { ...seen, named: liars.filter((liar) => named.has(liar)).length, namedAfter }
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
