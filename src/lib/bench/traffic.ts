/** The transactions of a benchmark: their keys, their payload and, where the machine asks for an owner, their signature. */
import { randomBytes } from 'node:crypto'
import { toHex } from '../base/bytes.js'
import { SeededRandom } from '../base/prng.js'
import type { Manifest } from '../core/manifest.js'
import { signTransaction, type Transaction } from '../core/transaction.js'
import { putPayload } from '../machine/documents.js'
import { openPayload, transferPayload } from '../machine/ledger.js'
import type { Draft } from '../machine/operation.js'
import { nodeEd25519 } from '../node/ed25519.js'
import type { BenchSettings } from './settings.js'

/** Keys that nobody shares are used again after so many: the state stays as large as that. */
const OWN_KEYS = 20_000
/** Accounts of a ledger that nobody shares: pairs, used in turn. */
const OWN_ACCOUNTS = 4_000
const OPENING = 1_000_000
/** What JSON, name and quotes take of a document's payload. */
const DOCUMENT_FRAME = 50
const NONCE_BYTES = 16
/** Nonces drawn at once. */
const NONCES = 256

export class Traffic {
  readonly #manifest: Pick<Manifest, 'clusterId' | 'machine'>
  readonly #settings: BenchSettings
  readonly #random: SeededRandom
  /** In front of every name, so that benchmarks on one cluster do not meet. */
  readonly #run = toHex(randomBytes(4))
  readonly #secretKey = Uint8Array.from(randomBytes(32))
  /** How often hot keys up to each one are chosen, of all. */
  readonly #hotShares: number[]
  #made = 0
  /** Random bytes for nonces: to ask for many takes hardly longer than to ask for those of one. */
  #nonces = new Uint8Array()
  #noncesUsed = 0

  constructor(manifest: Pick<Manifest, 'clusterId' | 'machine'>, settings: BenchSettings) {
    this.#manifest = manifest
    this.#settings = settings
    this.#random = new SeededRandom(settings.seed)
    this.#hotShares = sharesOf(settings.hotKeys, settings.zipf)
  }

  /** What must be executed before the first of them: a ledger's accounts. */
  prepared(): Transaction[] {
    if (this.#manifest.machine !== 'ledger') return []
    const own = Array.from({ length: OWN_ACCOUNTS }, (_, i) => `${this.#run}.${i}`)
    const hot = Array.from({ length: this.#settings.hotKeys + 1 }, (_, i) => this.#hot(i))
    return [...own, ...hot].map((account) => this.#signed(openPayload(account, OPENING)))
  }

  next(): Transaction {
    const number = this.#made++
    const hot = this.#random.fraction() < this.#settings.conflicts ? this.#chooseHot() : undefined
    switch (this.#manifest.machine) {
      case 'ledger':
        return this.#signed(this.#transfer(number, hot))
      case 'documents': {
        const id = hot === undefined ? `${this.#run}.${number % OWN_KEYS}` : this.#hot(hot)
        const text = 'x'.repeat(Math.max(1, this.#settings.payload - DOCUMENT_FRAME - id.length))
        return this.#bare(putPayload(id, text))
      }
      default: {
        const key = hot === undefined ? `${this.#run}.${number % OWN_KEYS}` : this.#hot(hot)
        return this.#bare({ deps: [key], payload: this.#random.bytes(this.#settings.payload) })
      }
    }
  }

  /** Between two accounts of its own, there and back, or from a hot one to another that it shares with all. */
  #transfer(number: number, hot: number | undefined): Draft {
    if (hot !== undefined) return transferPayload(this.#hot(hot), this.#hot(hot + 1), 1)
    const pair = 2 * (number % (OWN_ACCOUNTS / 2))
    const back = Math.floor((2 * number) / OWN_ACCOUNTS) % 2
    return transferPayload(`${this.#run}.${pair + back}`, `${this.#run}.${pair + 1 - back}`, 1)
  }

  #hot(index: number): string {
    return `${this.#run}.hot${index}`
  }

  #chooseHot(): number {
    const at = this.#random.fraction()
    return Math.max(
      0,
      this.#hotShares.findIndex((share) => at < share),
    )
  }

  #signed(draft: Draft): Transaction {
    return signTransaction(nodeEd25519, this.#manifest.clusterId, this.#secretKey, this.#bare(draft))
  }

  #bare({ deps, payload }: Draft): Transaction {
    return { deps, payload, client: null, nonce: this.#nonce(), expiry: null, signature: null }
  }

  #nonce(): Uint8Array {
    if (this.#noncesUsed === this.#nonces.length) {
      this.#nonces = new Uint8Array(randomBytes(NONCE_BYTES * NONCES))
      this.#noncesUsed = 0
    }
    this.#noncesUsed += NONCE_BYTES
    return this.#nonces.slice(this.#noncesUsed - NONCE_BYTES, this.#noncesUsed)
  }
}

/** Zipf: the k-th of them has the weight 1/k^s. Cumulated. */
function sharesOf(count: number, exponent: number): number[] {
  const weights = Array.from({ length: count }, (_, i) => (i + 1) ** -exponent)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let sum = 0
  return weights.map((weight) => (sum += weight / total))
}
