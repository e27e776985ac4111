/**
 * Who is named in a cluster with liars, by the library function behind `musig inspect faults`: looked at again and again. Owns what is seen: who is proved guilty or only
 * suspected, of what, and after how long.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Place } from '../../src/lib/cluster/connection.js'
import { type MemberReport, Members } from '../../src/lib/cluster/members.js'
import { provedEpochs } from '../../src/lib/cluster/proved-manifest.js'
import { LiveFaults } from '../../src/lib/inspect/live-faults.js'
import type { Client } from '../../src/lib/node/client.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'

/** Who is there. */
interface Cast {
  n: number
  peers: number
  liars: readonly number[]
}

/** What was seen by the end. */
export interface Seen {
  evidence: ReadonlySet<string>
  suspicion: ReadonlySet<string>
  /** Seconds from the beginning until every liar was proved guilty, or one was suspected where none was proved; null: neither. */
  namedAfter: number | null
  /** Seconds from the beginning until some signer held a proof against each of them, whoever asked for it when; null: there is none against one of them. */
  heldAfter: number | null
  /** How many of the liars were proved guilty. */
  named: number
  slandered: boolean
}

/** Looking asks every signer, who have something else to do. */
const LOOK_MS = 1000

export class Naming {
  readonly #cast: Cast
  readonly #faults: LiveFaults<MemberReport>
  readonly #observers: ReadonlySet<string>
  /** Who is proved guilty, and since when a proof is held: in milliseconds since 1970. */
  readonly #named = new Map<number, number>()
  readonly #evidence = new Set<string>()
  readonly #suspicion = new Set<string>()
  readonly #begun = Date.now()
  #provedAfter: number | null = null
  #suspectedAfter: number | null = null

  constructor(client: Client, place: Place, cast: Cast) {
    const { n, peers, liars } = cast
    const crypto = loadCrypto()
    this.#cast = cast
    this.#faults = new LiveFaults(crypto, provedEpochs(place, crypto.bls), new Members(client, n, peers))
    const signers = [...Array(n).keys()].filter((signer) => !liars.includes(signer))
    this.#observers = new Set([...signers.map((i) => `signer ${i}`), ...[...Array(peers).keys()].map((i) => `peer ${i}`)])
  }

  /** Whether evidence names every liar. */
  get isDone(): boolean {
    const { liars } = this.#cast
    return liars.length > 0 && liars.every((liar) => this.#named.has(liar))
  }

  get seen(): Seen {
    const { liars } = this.#cast
    return {
      evidence: this.#evidence,
      suspicion: this.#suspicion,
      namedAfter: this.#named.size > 0 ? this.#provedAfter : this.#suspectedAfter,
      heldAfter: this.isDone ? (Math.max(...liars.map((liar) => this.#named.get(liar) ?? 0)) - this.#begun) / 1000 : null,
      named: liars.filter((liar) => this.#named.has(liar)).length,
      slandered: [...this.#named.keys()].some((signer) => !liars.includes(signer)),
    }
  }

  /** Looks until it is over, and then once more. */
  async watch(over: AbortSignal): Promise<Seen> {
    for (let last = false; !last; ) {
      last = over.aborted
      await this.look()
      if (!last) await sleep(LOOK_MS, undefined, { signal: over }).catch(() => undefined)
    }
    return this.seen
  }

  async look(): Promise<void> {
    const data = await this.#faults.look().catch(() => undefined)
    const after = (Date.now() - this.#begun) / 1000
    for (const { kind, signers, since } of data?.evidence ?? []) {
      this.#evidence.add(kind)
      for (const signer of signers) this.#named.set(signer, Math.min(this.#named.get(signer) ?? Number.POSITIVE_INFINITY, Date.parse(since)))
    }
    if (this.isDone) this.#provedAfter ??= after
    for (const { signer, reason, observers } of data?.suspicion ?? []) {
      if (!this.#cast.liars.includes(signer) || !observers.some((by) => this.#observers.has(by)) || reason === 'does not answer') continue
      this.#suspicion.add(reason.replace(/\b([0-9a-f]{8,}|\d+)\b/g, '…'))
      this.#suspectedAfter ??= after
    }
  }
}
