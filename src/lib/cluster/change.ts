/**
 * Changing the signers of a local cluster: one is evicted, or a new one admitted, as an ordered change that a quorum of the signers approves (§24). All their keys
 * lie in the cluster's folder, so their operator approves for as many as it takes. Owns what of the folder changes with it.
 */
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { toHex } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { approve, changeTransaction, manifestAfter, type Step } from '../core/change.js'
import { type Manifest, manifestToJson, signerEntry } from '../core/manifest.js'
import { Client } from '../node/client.js'
import { type LoadedCrypto, loadCrypto } from '../node/crypto.js'
import { randomSecretKey } from '../node/derivation.js'
import { insecureKey, type OpenKey, openKeyFile, openSecret, writeKeyFile } from '../node/keystore.js'
import { makePrivateFolder } from '../node/private-file.js'
import { ClusterFolder, type ClusterRecord, memberRecord, type SignerRecord, writeJson } from './cluster-folder.js'
import { writeAddresses } from './create.js'
import { freePorts } from './free-ports.js'
import { abandon, awaitReady, launch } from './launch.js'
import { processName } from './liars.js'
import { withLock } from './lock.js'
import type { StartedProcess } from './processes.js'

/** What came of a change. */
export interface Changed {
  cluster: string
  /** The epoch that it began. */
  epoch: number
  /** The signer that left, or came. */
  signer: number
  txId: string
  /** Signers that there are now, and their quorum. */
  n: number
  quorum: number
}

/** How long a change may take: everything before it has to be decided. */
const CHANGE_MS = 60_000
const NONCE_BYTES = 16

/** Takes a signer out of the cluster. Errors: `NOT_FOUND`, `BAD_INPUT`, those of the client. */
export function evictSigner(home: string, cluster: string, index: number): Promise<Changed> {
  return changing(home, cluster, async (change) => {
    const signer = memberRecord(change.record, index)
    if (signer.evictedIn !== null) throw new MusigError('BAD_INPUT', `signer ${index} was evicted in epoch ${signer.evictedIn} already`)
    if (change.manifest.n === 1)
      throw new MusigError('BAD_INPUT', `signer ${index} is the only one that is left; end the cluster with: musig cluster rm`)
    const made = await change.make({ type: 'evict', publicKey: signer.publicKey }, signer)
    signer.evictedIn = made.epoch
    await change.keep()
    return { ...made, signer: index }
  })
}

/** Makes a new signer and takes it into the cluster; it is started and waited for. Errors: those of `evictSigner`, `StartFailed`. */
export function admitSigner(home: string, cluster: string, name: string | undefined, signal: AbortSignal): Promise<Changed> {
  return changing(home, cluster, async (change) => {
    const { folder, record, crypto } = change
    if (record.pack > 1)
      throw new MusigError('BAD_INPUT', `a cluster with ${record.pack} signers in each process takes in none; make one without --pack`)
    const index = record.signers.length
    const key = await newKey(folder, index, crypto)
    const entry = signerEntry(crypto, key.secretKey, key.linkSecretKey, name ?? `signer-${index}`)
    const [port] = await freePorts(1, new Set(record.signers.map(({ url }) => Number(new URL(url).port))), record.name)
    const signer: SignerRecord = {
      ...{
        index,
        name: entry.name,
        publicKey: entry.publicKey,
        url: `http://127.0.0.1:${port}`,
        key: keyPath(index),
        store: `signers/${index}/store`,
      },
      ...{ log: `logs/${processName(index, record)}.log`, pid: null, evictedIn: null, joinedIn: change.manifest.epoch + 1 },
    }
    // The others read its address when the epoch begins.
    await writeAddresses(folder, { ...record, signers: [...record.signers, signer] })
    const made = await change.make({ type: 'admit', signer: entry })
    record.signers.push(signer)
    await change.keep()
    const started: StartedProcess[] = []
    try {
      await launch(folder, record, [processName(index, record)], started)
      await awaitReady(folder, record, { started, quorum: made.quorum, signal, told: () => {} })
    } catch (error) {
      await abandon(folder, record, started)
      throw error
    }
    return { ...made, signer: index }
  })
}

function changing<T>(home: string, cluster: string, work: (change: Changing) => Promise<T>): Promise<T> {
  const folder = new ClusterFolder(home, cluster)
  folder.read()
  return withLock(home, folder, async () => {
    const change = await Changing.begin(folder)
    try {
      return await work(change)
    } finally {
      change.close()
    }
  })
}

/** A cluster that is being changed. */
class Changing {
  readonly folder: ClusterFolder
  readonly record: ClusterRecord
  readonly crypto: LoadedCrypto = loadCrypto()
  readonly #client: Client
  #manifest: Manifest

  private constructor(folder: ClusterFolder, record: ClusterRecord, client: Client) {
    this.folder = folder
    this.record = record
    this.#client = client
    this.#manifest = folder.manifest(record)
  }

  /** Begins with what the signers say: a change whose end nobody waited for may have been made. */
  static async begin(folder: ClusterFolder): Promise<Changing> {
    const change = new Changing(folder, folder.read(), new Client({ clusterFile: folder.file }))
    try {
      await change.#adopt(await change.#client.manifest())
    } catch (error) {
      change.close()
      throw error
    }
    return change
  }

  /** That of the present epoch. */
  get manifest(): Manifest {
    return this.#manifest
  }

  /** Has a quorum approve a step, hands the change in and waits for its place. `leaves`: who is asked last. */
  async make(step: Step, leaves?: SignerRecord): Promise<Omit<Changed, 'signer'>> {
    const { manifest, crypto, record } = this
    const approvals = new Map<number, Uint8Array>()
    const askedLast = (signer: SignerRecord) => Number(signer.index === leaves?.index)
    for (const signer of [...record.signers].sort((a, b) => askedLast(a) - askedLast(b))) {
      const seat = manifest.signers.findIndex(({ publicKey }) => toHex(publicKey) === toHex(signer.publicKey))
      if (seat < 0 || approvals.size >= manifest.quorum) continue
      const key = await openKeyFile(this.folder.resolve(signer.key), crypto)
      if (key.kind === 'signer') approvals.set(seat, approve(crypto.bls, manifest, step, key.secretKey))
    }
    const transaction = changeTransaction(crypto, manifest, step, approvals, Uint8Array.from(randomBytes(NONCE_BYTES)))
    if (!transaction) throw new MusigError('INTERNAL', 'the approvals do not add up')
    const { txId, receipt } = await this.#client.submit(transaction, { timeoutMs: CHANGE_MS })
    // In its place it may be behind another one, or have come too late.
    if (!receipt?.ok) throw new MusigError('BAD_INPUT', `the change was not made: ${receipt && 'reason' in receipt ? receipt.reason : 'no receipt'}`)
    const next = manifestAfter(manifest, step)
    await this.#adopt(next)
    return { cluster: record.name, epoch: next.epoch, txId, n: next.n, quorum: next.quorum }
  }

  /** Writes down what has changed. */
  async keep(): Promise<void> {
    await this.folder.write(this.record)
  }

  close(): void {
    this.#client.close()
  }

  /** Takes the manifest of a later epoch. Who is not in it any more was evicted. */
  async #adopt(manifest: Manifest): Promise<void> {
    if (manifest.clusterId !== this.record.id || manifest.epoch <= this.#manifest.epoch) return
    const path = `manifest-${manifest.epoch}.json`
    await writeJson(this.folder.resolve(path), manifestToJson(manifest))
    this.record.epochs.push({ epoch: manifest.epoch, manifest: path })
    const members = new Set(manifest.signers.map(({ publicKey }) => toHex(publicKey)))
    for (const signer of this.record.signers)
      if (signer.evictedIn === null && !members.has(toHex(signer.publicKey))) signer.evictedIn = manifest.epoch
    this.#manifest = manifest
    await this.keep()
  }
}

function keyPath(index: number): string {
  return `signers/${index}/key.json`
}

/** The key of a new signer: that of a try before, where there was one. */
async function newKey(folder: ClusterFolder, index: number, crypto: LoadedCrypto): Promise<OpenKey & { kind: 'signer' }> {
  const path = folder.resolve(keyPath(index))
  await makePrivateFolder(dirname(path))
  try {
    await writeKeyFile(path, insecureKey(openSecret('signer', randomSecretKey(), crypto)))
  } catch (error) {
    if (!(error instanceof MusigError) || error.code !== 'ALREADY_EXISTS') throw error
  }
  const key = await openKeyFile(path, crypto)
  if (key.kind !== 'signer') throw new MusigError('BAD_INPUT', `${path} holds a client’s key; a signer needs a signer’s`)
  return key
}
