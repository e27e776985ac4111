/** A cluster with liars for tests: real processes, transactions through all of them, one of the honest killed and one paused; and what must hold then. */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import { ClusterFolder } from '../../src/lib/cluster/cluster-folder.js'
import { killMember, pauseMembers } from '../../src/lib/cluster/hurt.js'
import { launchPeers, peersAt } from '../../src/lib/cluster/launch-peers.js'
import { isPeer, processesOf, setPaused } from '../../src/lib/cluster/processes.js'
import { type ClusterStatus, clusterStatus } from '../../src/lib/cluster/status.js'
import type { Manifest } from '../../src/lib/core/manifest.js'
import { readCertificateFile, verifyCertificate } from '../../src/lib/inspect/verify-certificate.js'
import { verifyEvidenceFile } from '../../src/lib/inspect/verify-evidence.js'
import type { Client } from '../../src/lib/node/client.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import type { PeerStatusAnswer } from '../../src/lib/node/peer-status.js'
import { LiveCluster } from '../commands/live-cluster.js'
import { freePorts } from '../node/cluster-fixture.js'
import { until } from '../until.js'

/** What may pass until a transaction is executed where everything needs a recovery, on a machine that is busy. */
const PATIENCE_MS = 60_000
const ACCOUNTS = 3

const crypto = loadCrypto()

interface SevenOptions {
  isStuck?: boolean
  /** Flags of `cluster up`. */
  more?: readonly string[]
  /** Times that all are handed a transaction, before and after. */
  rounds?: number
}

export class LyingCluster extends LiveCluster {
  /** Everyone who lies. */
  liars: ReadonlySet<number> = new Set()
  /** Transactions that must be executed in the end. */
  readonly #owed: string[] = []
  #client: Client | undefined

  get files(): ClusterFolder {
    return new ClusterFolder(this.home, 'default')
  }

  get manifest(): Manifest {
    return this.files.manifest(this.files.read())
  }

  /** Starts n signers of the documents machine with these liars, as `--byzantine` takes them. */
  async lie(n: number, byzantine: string, more: readonly string[] = []): Promise<void> {
    await this.good(['cluster', 'up', '-n', String(n), '--machine', 'documents', '--byzantine', byzantine, ...more])
    this.liars = new Set(this.files.read().liars.flatMap(({ signers }) => signers))
    this.#client = this.client()
  }

  get honest(): number[] {
    return this.manifest.signers.flatMap((_, index) => (this.liars.has(index) ? [] : [index]))
  }

  /** Puts documents that conflict through these signers, all at once. Each is owed: it is executed in the end. Returns their ids. */
  async put(through: readonly number[], wait: 'executed' | 'none' = 'executed'): Promise<string[]> {
    const results = await Promise.all(through.map((to, i) => this.#submit(to, `doc-${i % ACCOUNTS}`, wait)))
    const txIds = results.map(({ txId }) => txId)
    this.#owed.push(...txIds)
    return txIds
  }

  /** The same through liars, who owe nothing: what becomes of it, or that nothing does, is theirs to choose. */
  async tempt(): Promise<void> {
    await Promise.all([...this.liars].flatMap((to) => [0, 1].map((i) => this.#submit(to, `doc-${i}`, 'none').catch(() => undefined))))
  }

  /** Kills one honest signer and pauses another one, one after the other, while transactions come in; both are back in the end. */
  async hurt(killed: number, paused: number): Promise<void> {
    await killMember(this.home, 'default', killed)
    await this.put(
      this.honest.filter((index) => index !== killed),
      'none',
    )
    await this.good(['cluster', 'restart', String(killed)])
    await pauseMembers(this.home, 'default', [paused], true)
    await this.put(
      this.honest.filter((index) => index !== paused),
      'none',
    )
    await pauseMembers(this.home, 'default', [paused], false)
  }

  /** Starts one more peer, from nothing, and does not wait for it. Returns its index. */
  async addPeer(confirm: number): Promise<number> {
    const { files } = this
    const record = files.read()
    const [port = 0] = await freePorts(1)
    const peers = peersAt([port], record.peers.length, { confirm, sinks: [] })
    record.peers.push(...peers)
    await launchPeers(files, record, peers, [])
    return record.peers.length - 1
  }

  /** What a peer says of itself once it answers and this holds of it. */
  async peer(index: number, what: string, holds: (peer: PeerStatusAnswer) => boolean): Promise<PeerStatusAnswer> {
    const client = this.client()
    try {
      let peer: PeerStatusAnswer | undefined
      await until(
        `peer ${index}: ${what}`,
        async () => {
          peer = await client.peerStatus(index).catch(() => undefined)
          return peer !== undefined && holds(peer)
        },
        PATIENCE_MS,
      )
      assert.ok(peer)
      return peer
    } finally {
      client.close()
    }
  }

  /** What a peer shows of everything that is owed can be verified with the manifest alone. */
  async verify(peer: number): Promise<void> {
    const { manifest } = this
    const client = this.client()
    try {
      for (const txId of this.#owed) {
        const answer = await client.certificate(txId, { from: { peer } })
        const { valid, reason } = verifyCertificate(crypto, manifest, readCertificateFile({ schema: 1, ...answer }, `certificate of ${txId}`))
        assert.ok(valid, `peer ${peer} has a certificate of ${txId} that does not hold: ${reason}`)
      }
    } finally {
      client.close()
    }
  }

  /** Leaves these signers awake, and stops all others where they are. */
  async awake(signers: readonly number[]): Promise<void> {
    const names = new Set(signers.map(String))
    const processes = (await processesOf(this.files)).filter(({ name }) => !isPeer(name))
    await setPaused(
      processes.filter(({ name }) => names.has(name)),
      false,
    )
    await setPaused(
      processes.filter(({ name }) => !names.has(name)),
      true,
    )
  }

  /** All honest signers, and all peers, come to have the same order and state. */
  async agree(): Promise<ClusterStatus> {
    let status: ClusterStatus | undefined
    await until(
      'honest signers and peers agree',
      async () => {
        status = await clusterStatus(this.files)
        const honest = [...status.signers.filter(({ lie }) => lie === null), ...status.peers]
        const states = new Set(honest.map(({ executed, orderDigest, machineDigest }) => [executed, orderDigest, machineDigest].join('/')))
        return states.size === 1 && honest.every(({ executed }) => executed !== null)
      },
      PATIENCE_MS,
    )
    assert.ok(status)
    return status
  }

  /** Everything that is owed is executed. */
  async settle(): Promise<void> {
    const client = this.#mustRun()
    const [from] = this.honest
    for (const txId of this.#owed) assert.is((await client.wait(txId, { from, timeoutMs: PATIENCE_MS })).status, 'executed')
  }

  /** Evidence that honest signers hold: verified alone, it names liars and nobody else. Returns its kinds. */
  evidence(): string[] {
    const { manifest } = this
    const record = this.files.read()
    return this.honest.flatMap((index) => {
      const folder = join(this.files.resolve(record.signers[index]?.store ?? ''), 'evidence')
      return (existsSync(folder) ? readdirSync(folder) : []).map((name) => {
        const verdict = verifyEvidenceFile(crypto, manifest, JSON.parse(readFileSync(join(folder, name), 'utf8')), name)
        assert.ok(verdict.valid, `${name} of signer ${index}: ${verdict.reason}`)
        assert.ok(
          verdict.signers.every((guilty) => this.liars.has(guilty)),
          `${name} of signer ${index} names ${verdict.signers.join()}: ${verdict.reason}`,
        )
        return verdict.kind
      })
    })
  }

  /** Ends this cluster; the next one has nothing of it. */
  async away(): Promise<void> {
    this.#client?.close()
    this.#client = undefined
    this.#owed.length = 0
    await this.good(['cluster', 'rm'])
  }

  override async end(): Promise<void> {
    this.#client?.close()
    await super.end()
  }

  #submit(to: number, id: string, wait: 'executed' | 'none') {
    const payload = utf8(JSON.stringify({ op: 'put', id, document: { by: to } }))
    const transaction = { deps: [`doc:${id}`], payload, client: null, nonce: randomBytes(16), expiry: null, signature: null }
    return this.#mustRun().submit(transaction, { to, wait, timeoutMs: PATIENCE_MS })
  }

  #mustRun(): Client {
    if (!this.#client) throw new Error('the cluster is not up')
    return this.#client
  }
}

/**
 * Seven signers, these liars among them, through transactions, a kill and a pause of honest ones: honest signers keep to one order and state, and evidence names
 * liars alone. `isStuck`: so many lie that what is handed to the honest need not be executed.
 */
export async function sevenLive(byzantine: string, { isStuck = false, more = [], rounds = 4 }: SevenOptions = {}): Promise<void> {
  const cluster = new LyingCluster()
  try {
    await cluster.lie(7, byzantine, more)
    console.log(`${byzantine}: lies follow from ${cluster.files.read().liars.map(({ seed }) => seed)}`)
    const { honest } = cluster
    const submit = async () => {
      for (let i = 0; i < rounds; i++) {
        await cluster.tempt()
        await cluster.put(honest, isStuck ? 'none' : 'executed')
      }
    }
    await submit()
    const [killed = 0, paused = 0] = honest
    await cluster.hurt(killed, paused)
    await submit()
    if (!isStuck) await cluster.settle()
    await cluster.agree()
    const kinds = new Set(cluster.evidence())
    console.log(`${byzantine}: evidence of ${[...kinds].join(', ') || 'nothing'}`)
  } finally {
    await cluster.end()
  }
}
