import { type Id, toHex } from '../../src/lib/base/bytes.js'
import type { SeededRandom } from '../../src/lib/base/prng.js'
import { mergeMultiSignatures, singleSignature } from '../../src/lib/bls/multi-signature.js'
import type { ClusterFolder } from '../../src/lib/cluster/cluster-folder.js'
import type { Certificate } from '../../src/lib/core/certificate.js'
import { Journal } from '../../src/lib/core/journal.js'
import type { Manifest } from '../../src/lib/core/manifest.js'
import { type DurableRecord, encodeRecord, recordCodec } from '../../src/lib/core/record.js'
import { voteDigest } from '../../src/lib/core/statement.js'
import { type Batch, makeBatch, signTransaction, type Transaction } from '../../src/lib/core/transaction.js'
import type { View } from '../../src/lib/core/view.js'
import { voteSetOf } from '../../src/lib/core/vote-set.js'
import { putPayload } from '../../src/lib/machine/documents.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { type OpenKey, openKeyFile } from '../../src/lib/node/keystore.js'
import { openStore, type SignerStore } from '../../src/lib/node/store.js'

export interface HistoryOptions {
  /** How many transactions in all, and how many a batch holds on average. */
  transactions: number
  perBatch: number
  random: SeededRandom
  /** Documents that the transactions write. */
  documents?: number
}

type SignerKey = OpenKey & { kind: 'signer' }

const crypto = loadCrypto()
/** Records in one write. */
const GATHERED = 300

/** Writes the history; returns how many batches it is made of. */
export async function writeHistory(folder: ClusterFolder, { transactions, perBatch, random, documents = 1000 }: HistoryOptions): Promise<number> {
  const record = folder.read()
  const manifest = folder.manifest(record)
  const keys: SignerKey[] = []
  const stores: SignerStore[] = []
  for (const { key, store, publicKey } of record.signers) {
    const opened = await openKeyFile(folder.resolve(key), crypto)
    if (opened.kind === 'signer') keys.push(opened)
    const marker = `${folder.resolve(key)}.${manifest.clusterId.slice(0, 8)}.history`
    const own = await openStore(folder.resolve(store), { clusterId: manifest.clusterId, publicKey }, { marker })
    await own.load()
    stores.push(own)
  }
  const writer = new Writer(manifest, keys, stores)
  const client = random.bytes(32)
  let left = transactions
  while (left > 0) {
    const size = Math.min(left, 1 + random.upTo(2 * perBatch - 1))
    left -= size
    await writer.batch(Array.from({ length: size }, () => put(manifest, client, `d${random.upTo(documents)}`, random)))
  }
  await writer.end()
  return writer.batches
}

function put({ clusterId }: Manifest, client: Uint8Array, name: string, random: SeededRandom): Transaction {
  const { deps, payload } = putPayload(name, { text: toHex(random.bytes(16)) })
  return signTransaction(crypto.ed25519, clusterId, client, { deps, payload, client: null, nonce: random.bytes(16), expiry: null, signature: null })
}

class Writer {
  batches = 0
  readonly #manifest: Manifest
  readonly #keys: readonly SignerKey[]
  readonly #stores: readonly SignerStore[]
  readonly #journal: Journal
  readonly #codec: ReturnType<typeof recordCodec>
  readonly #gathered: Uint8Array[][]
  #last: Batch | undefined

  constructor(manifest: Manifest, keys: readonly SignerKey[], stores: readonly SignerStore[]) {
    this.#manifest = manifest
    this.#keys = keys
    this.#stores = stores
    this.#journal = new Journal(manifest)
    this.#codec = recordCodec(manifest.clusterId)
    this.#gathered = stores.map(() => [])
  }

  /** Decides a batch of these transactions. One signer in turn still had the batch before it undecided when it voted, as happens under load. */
  async batch(transactions: Transaction[]): Promise<void> {
    const { n, clusterId } = this.#manifest
    const initiator = this.batches % n
    const content = { epoch: 0, initiator, sequence: Math.floor(this.batches / n), time: 1_700_000_000 + this.batches, transactions }
    const batch = makeBatch(crypto.ed25519, clusterId, this.#keys[initiator]?.linkSecretKey ?? new Uint8Array(), content)
    const views = this.#keys.map((_, signer) => this.#view(batch, signer === (this.batches + 1) % n ? this.#last : undefined))
    const signatures = views.map((view, signer) =>
      crypto.bls.sign(this.#keys[signer]?.secretKey ?? new Uint8Array(), voteDigest(this.#manifest, batch.id, view)),
    )
    const certificate = this.#certificate(batch.id, views, signatures)
    this.#journal.apply({ type: 'batch', batch })
    const executed = this.#journal.apply({ type: 'certificate', certificate })
    if (executed.length !== 1) throw new Error('a batch of the history cannot be executed')
    views.forEach((view, signer) => {
      const signature = signatures[signer] ?? new Uint8Array()
      this.#write(signer, { type: 'batch', batch }, { type: 'vote', batchId: batch.id, view, signature }, { type: 'certificate', certificate })
    })
    this.#last = batch
    this.batches++
    if (this.batches % Math.ceil(GATHERED / 3) === 0) await this.#flush()
  }

  async end(): Promise<void> {
    await this.#flush()
    for (const store of this.#stores) await store.close()
  }

  /** What a signer has before a batch: all that is executed, or all but the last. */
  #view({ keys }: Batch, undecided: Batch | undefined): View {
    const { logs } = this.#journal
    const shared = new Set(keys.filter((key) => undecided?.keys.includes(key)))
    const heights = keys.map((key) => [key, logs.heightOf(key) - (shared.has(key) ? 1 : 0)] as const)
    return { heights: new Map(heights.filter(([, height]) => height > 0)), pending: undecided && shared.size > 0 ? [undecided.id] : [] }
  }

  #certificate(batchId: Id, views: readonly View[], signatures: readonly Uint8Array[]): Certificate {
    const { n } = this.#manifest
    const digests = views.map((view) => voteDigest(this.#manifest, batchId, view))
    const shares = digests.map((digest, signer) => singleSignature(n, signer, digest, signatures[signer] ?? new Uint8Array()))
    const merged = mergeMultiSignatures(crypto.bls, shares)
    if (!merged) throw new Error('votes of the history do not add up')
    const known = new Map(digests.map((digest, i) => [toHex(digest), views[i] as View]))
    return { type: 'fast', epoch: 0, batchId, votes: voteSetOf(merged, known) }
  }

  #write(signer: number, ...records: DurableRecord[]): void {
    this.#gathered[signer]?.push(...records.map((record) => encodeRecord(this.#codec, record)))
  }

  async #flush(): Promise<void> {
    await Promise.all(this.#stores.map((store, signer) => store.append(this.#gathered[signer]?.splice(0) ?? [])))
  }
}
