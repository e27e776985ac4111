/**
 * The client of a cluster: gives transactions to a signer, waits for their execution, reads from signers or peers, subscribes. Owns the choice of the signer and the turn to another
 * one when a connection fails: the same transaction goes along, so it is executed once, whoever took it first.
 */
import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { dirname, resolve } from 'node:path'
import type { Id } from '../base/bytes.js'
import { toCbor, toJson } from '../base/codec.js'
import { MusigError } from '../base/errors.js'
import type { BatchDescription } from '../core/describe.js'
import { type Manifest, readManifest } from '../core/manifest.js'
import { type Transaction, transactionCodec, transactionsCodec } from '../core/transaction.js'
import type { BatchAnswer, CertificateAnswer, TransactionResult } from './answers.js'
import type { ConductAnswer } from './conduct.js'
import type { GroupAnswer, TimelineAnswer } from './descriptions.js'
import { ConnectionFailed, call, errorIn } from './http-call.js'
import type { LinkFault } from './link-faults.js'
import { loopbackUrl } from './loopback.js'
import type { HistoryAnswer } from './machine-history.js'
import type { PeerStatusAnswer } from './peer-status.js'
import type { StatusAnswer } from './signer-status.js'
import { Subscription } from './subscription.js'

/**
 * Where signers and peers are: their addresses by index, or the file in which a local cluster records them. `connections`: how many requests one of them is
 * given at once, 64 unless it is said; others wait.
 */
export type ClientOptions = ({ addresses: readonly string[]; peers?: readonly string[] | undefined } | { clusterFile: string }) & {
  token?: string | undefined
  connections?: number | undefined
}

/** Who can be asked: a signer by its index, or a peer by its own. */
export type Member = number | { peer: number }

/** How a transaction is handed in. */
export interface SubmitOptions {
  /** The index of the signer to give it to; another one is taken if that one cannot be reached. */
  to?: number | undefined
  /** How long to wait for execution. */
  timeoutMs?: number | undefined
  /** `none`: return as soon as a signer has taken it. */
  wait?: 'executed' | 'none' | undefined
}

/** How something is read. `from`: the signer or peer to ask, and nobody else. */
export interface ReadOptions {
  from?: Member | undefined
  timeoutMs?: number | undefined
}

const DEFAULT_TIMEOUT_MS = 10_000
const DEFAULT_CONNECTIONS = 64
/** What a signer is given on top of its own limit to say that the time is over. */
const GRACE_MS = 1_000

/** One that can be asked. */
interface Place {
  name: string
  url: URL
}

interface Ask {
  method: 'GET' | 'POST'
  path: string
  body?: unknown
  timeoutMs: number
  /** Whom to ask, in this order. */
  order: readonly Place[]
  /** Whether one that knows nothing of it is no answer. */
  elsewhere?: boolean
}

/**
 * A client of a cluster: hands in transactions, waits for their execution, reads, subscribes. It turns to another signer where one cannot be reached; the same
 * transaction goes along, so that it is executed once, whoever took it first. `close` it at the end.
 *
 * @example
 * const client = new Client({ clusterFile: 'clusters/default/cluster.json' })
 * const manifest = await client.manifest()
 * const { receipt } = await client.submit(newTransaction(manifest, { ...transferPayload('alice', 'bob', 10), secretKey }))
 */
export class Client {
  readonly #signers: readonly Place[]
  readonly #peers: readonly Place[]
  readonly #token: string | undefined
  readonly #agent: Agent
  readonly #subscriptions = new Set<Subscription>()
  /** The signer that answered last. */
  #current = 0
  #manifest: Promise<Manifest> | undefined

  /** Errors: `BAD_INPUT` on malformed addresses, `NOT_FOUND` or `BAD_INPUT` for a cluster file that cannot be read. */
  constructor(options: ClientOptions) {
    const { addresses, peers = [], token } = 'clusterFile' in options ? { ...readCluster(options.clusterFile), ...definedToken(options) } : options
    if (addresses.length === 0) throw new MusigError('BAD_INPUT', 'a client needs the address of at least one signer')
    this.#signers = placesOf(addresses, 'signer')
    this.#peers = placesOf(peers, 'peer')
    this.#token = token
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? DEFAULT_CONNECTIONS })
  }

  /**
   * Submits a transaction and waits for its execution. Errors: `REJECTED` if it can never be valid; `UNREACHABLE` if no signer took it; `NO_QUORUM` and
   * `TIMED_OUT` where it may have happened: ask again with `show`.
   */
  async submit(transaction: Transaction, { to, timeoutMs = DEFAULT_TIMEOUT_MS, wait = 'executed' }: SubmitOptions = {}): Promise<TransactionResult> {
    const path = `/api/transactions?wait=${wait}&timeoutMs=${Math.round(timeoutMs)}`
    const body = { transaction: toJson(transactionCodec, transaction) }
    return (await this.#ask({ method: 'POST', path, body, timeoutMs, order: this.#orderFrom(to) })) as TransactionResult
  }

  /**
   * Submits up to 1,024 transactions in one request and waits for the execution of all. What came of each stands in its place: a result, or the error that
   * `submit` would have thrown. Errors: as `submit`, where none was answered.
   */
  async submitAll(
    transactions: readonly Transaction[],
    { to, timeoutMs = DEFAULT_TIMEOUT_MS, wait = 'executed' }: SubmitOptions = {},
  ): Promise<(TransactionResult | MusigError)[]> {
    const path = `/api/transactions?wait=${wait}&timeoutMs=${Math.round(timeoutMs)}`
    const body = toCbor(transactionsCodec, [...transactions])
    const answer = (await this.#ask({ method: 'POST', path, body, timeoutMs, order: this.#orderFrom(to) })) as { results: object[] }
    return answer.results.map((result) => errorIn(result) ?? (result as TransactionResult))
  }

  /** Waits for the execution of a transaction that was submitted. Errors: `NOT_FOUND`, `NO_QUORUM`, `TIMED_OUT`. */
  async wait(id: Id, { from, timeoutMs = DEFAULT_TIMEOUT_MS }: ReadOptions = {}): Promise<TransactionResult> {
    return (await this.#read(
      `/api/transactions/${encodeURIComponent(id)}?timeoutMs=${Math.round(timeoutMs)}`,
      { from, timeoutMs },
      true,
    )) as TransactionResult
  }

  /** A transaction's life, by its id or the first characters of it. Errors: `NOT_FOUND`. */
  async show(id: string, options: ReadOptions = {}): Promise<TransactionResult> {
    return (await this.#read(`/api/transactions/${encodeURIComponent(id)}`, options, true)) as TransactionResult
  }

  /** The latest transactions, newest first. */
  async list({ limit = 20, ...options }: ReadOptions & { limit?: number } = {}): Promise<TransactionResult[]> {
    const { transactions } = (await this.#read(`/api/transactions?limit=${limit}`, options)) as { transactions: TransactionResult[] }
    return transactions
  }

  /** Everything that a signer knows of a batch, by its id or that of a transaction in it. Errors: `NOT_FOUND`. */
  async batch(id: string, options: ReadOptions = {}): Promise<BatchAnswer> {
    return (await this.#read(`/api/batches/${encodeURIComponent(id)}`, options, true)) as BatchAnswer
  }

  /** The certificate of a batch, by its id or that of a transaction in it. Errors: `NOT_FOUND`. */
  async certificate(id: string, options: ReadOptions = {}): Promise<CertificateAnswer> {
    return (await this.#read(`/api/certificates/${encodeURIComponent(id)}`, options, true)) as CertificateAnswer
  }

  /** What a signer saw of a batch: votes, accepts, its tree; by its id or that of a transaction in it. Errors: `NOT_FOUND`. */
  async description(id: string, options: ReadOptions = {}): Promise<BatchDescription> {
    return (await this.#read(`/api/descriptions/${encodeURIComponent(id)}`, options, true)) as BatchDescription
  }

  /** The same of a batch and all that belong into one picture with it, oldest first. Errors: `NOT_FOUND`. */
  async group(id: string, options: ReadOptions = {}): Promise<GroupAnswer> {
    return (await this.#read(`/api/groups/${encodeURIComponent(id)}`, options, true)) as GroupAnswer
  }

  /** When what happened to a batch at a signer. Errors: `NOT_FOUND`. */
  async timeline(id: string, options: ReadOptions = {}): Promise<TimelineAnswer> {
    return (await this.#read(`/api/timelines/${encodeURIComponent(id)}`, options, true)) as TimelineAnswer
  }

  /** How signers do their work, as a member saw it. */
  async conduct(options: ReadOptions = {}): Promise<ConductAnswer> {
    return (await this.#read('/api/conduct', options)) as ConductAnswer
  }

  /** A proof that a signer holds, by the name of its file: what `verifyEvidence` takes. Errors: `NOT_FOUND`. */
  async evidence(file: string, options: ReadOptions = {}): Promise<object> {
    return (await this.#read(`/api/evidence/${encodeURIComponent(file)}`, options)) as object
  }

  /** Reads from the state machine of a signer. Errors: `NOT_FOUND` if there is nothing at this path. */
  async query(path: string, options: ReadOptions = {}): Promise<unknown> {
    const { value } = (await this.#read(`/api/query?path=${encodeURIComponent(path)}`, options)) as { value: unknown }
    return value
  }

  /** The state of a signer. */
  async status(options: ReadOptions = {}): Promise<StatusAnswer> {
    return (await this.#read('/api/status', options)) as StatusAnswer
  }

  /** The state of a peer, by its index. */
  async peerStatus(peer: number, { timeoutMs }: Pick<ReadOptions, 'timeoutMs'> = {}): Promise<PeerStatusAnswer> {
    return (await this.#read('/api/status', { from: { peer }, timeoutMs })) as PeerStatusAnswer
  }

  /** What the state machine of a signer or peer, one that a user wrote, made of the latest transactions. Errors: `NOT_FOUND` where it is built in. */
  async machineHistory(options: ReadOptions = {}): Promise<HistoryAnswer> {
    return (await this.#read('/api/machine', options)) as HistoryAnswer
  }

  /** Puts faults on the links of a signer of a test cluster, instead of those before. Errors: `BAD_INPUT` in any other cluster, `UNREACHABLE`. */
  async setFaults(signer: number, faults: readonly LinkFault[], timeoutMs = DEFAULT_TIMEOUT_MS): Promise<void> {
    await this.#ask({ method: 'POST', path: '/api/faults', body: { faults }, timeoutMs, order: [this.#known(signer)] })
  }

  /** The cluster's manifest as a signer tells it, its proofs not checked: for the clusterId under which transactions are signed. */
  manifest(): Promise<Manifest> {
    this.#manifest ??= this.#read('/api/manifest', {}).then(readManifest)
    this.#manifest.catch(() => {
      this.#manifest = undefined
    })
    return this.#manifest
  }

  /**
   * Hears of every transaction as a signer executes it, and goes over to another signer when the connection ends; what was executed meanwhile is not told.
   * Resolves once connected, with what ends it. Errors: `UNREACHABLE`.
   */
  async subscribe(heard: (result: TransactionResult) => void, { from }: Pick<ReadOptions, 'from'> = {}): Promise<() => void> {
    const order = from === undefined ? this.#orderFrom(undefined) : [this.#known(from)]
    const subscription = new Subscription(
      order.map(({ url }) => url),
      heard,
    )
    this.#subscriptions.add(subscription)
    try {
      await subscription.opened
    } catch (error) {
      this.#subscriptions.delete(subscription)
      throw error
    }
    return () => {
      this.#subscriptions.delete(subscription)
      subscription.close()
    }
  }

  /** Ends subscriptions and connections. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.close()
    this.#subscriptions.clear()
    this.#agent.destroy()
  }

  #read(path: string, { from, timeoutMs = DEFAULT_TIMEOUT_MS }: ReadOptions, elsewhere = false): Promise<unknown> {
    const order = from === undefined ? this.#orderFrom(undefined) : [this.#known(from)]
    return this.#ask({ method: 'GET', path, timeoutMs, order, elsewhere })
  }

  /** Asks one signer after the other until one answers or the time is over. */
  async #ask({ method, path, body, timeoutMs, order, elsewhere = false }: Ask): Promise<unknown> {
    const deadline = performance.now() + timeoutMs + GRACE_MS
    let begun = false
    let last: Error | undefined
    for (const place of order) {
      const left = deadline - performance.now()
      if (left <= 0) break
      try {
        const url = new URL(path, place.url)
        const document = await call({ url, agent: this.#agent, method, timeoutMs: left, body, token: method === 'POST' ? this.#token : undefined })
        const signer = this.#signers.indexOf(place)
        if (signer >= 0) this.#current = signer
        return document
      } catch (error) {
        if (!(error instanceof Error) || !isWorthAnother(error, elsewhere)) throw explained(error, begun)
        if (error instanceof ConnectionFailed && error.begun) begun = true
        // Who knows nothing says less than one who cannot be reached.
        last = last instanceof ConnectionFailed && error instanceof MusigError && error.code === 'NOT_FOUND' ? last : error
      }
    }
    throw this.#gaveUp(last, begun && method === 'POST', order)
  }

  #gaveUp(last: Error | undefined, begun: boolean, order: readonly Place[]): MusigError {
    if (last instanceof MusigError && !begun) return last
    const [first] = order
    const where = first && order.length === 1 ? `${first.name} at ${first.url.host}` : `any of ${order.length} signers`
    const reason = last ? `: ${last.message}` : ''
    if (begun)
      return new MusigError('TIMED_OUT', `the connection was lost and ${where} cannot be reached${reason}; the transaction may have happened`)
    return new MusigError('UNREACHABLE', `cannot reach ${where}${reason}; is the cluster up?`)
  }

  /** All signers, beginning with this one or with the one that answered last. */
  #orderFrom(first: number | undefined): Place[] {
    const start = first === undefined ? this.#current : this.#signers.indexOf(this.#known(first))
    return [...this.#signers.slice(start), ...this.#signers.slice(0, start)]
  }

  #known(member: Member): Place {
    const [places, index, name] = typeof member === 'number' ? [this.#signers, member, 'signer'] : [this.#peers, member.peer, 'peer']
    const place = places[index]
    if (place) return place
    const others = places.length === 0 ? 'there are none' : `they are numbered 0 to ${places.length - 1}`
    throw new MusigError('BAD_INPUT', `there is no ${name} ${index}; ${others}`)
  }
}

function placesOf(addresses: readonly string[], what: string): Place[] {
  return addresses.map((address, i) => ({ name: `${what} ${i}`, url: loopbackUrl(address, `the address of ${what} ${i}`) }))
}

function isWorthAnother(error: Error, elsewhere: boolean): boolean {
  if (error instanceof ConnectionFailed) return true
  if (!(error instanceof MusigError)) return false
  return error.code === 'BUSY' || error.code === 'UNREACHABLE' || (elsewhere && error.code === 'NOT_FOUND')
}

/** A refusal after a lost connection is the second signer's word alone. */
function explained(error: unknown, begun: boolean): unknown {
  if (!begun || !(error instanceof MusigError) || !error.definite) return error
  return error.code === 'REJECTED'
    ? error
    : new MusigError('TIMED_OUT', `${error.message}; the transaction may have happened at a signer that was asked before`)
}

function definedToken({ token }: { token?: string | undefined }): { token?: string } {
  return token === undefined ? {} : { token }
}

/** The addresses in a cluster's file and the token that lies beside it. */
function readCluster(file: string): { addresses: string[]; peers: string[]; token?: string } {
  const path = resolve(file)
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    throw new MusigError('NOT_FOUND', `there is no cluster at ${path}; start one with: musig cluster up`, { cause: error })
  }
  const { addresses, peers, tokenFile = 'token' } = parsed(content, path)
  try {
    return { addresses, peers, token: readFileSync(resolve(dirname(path), tokenFile), 'utf8').trim() }
  } catch {
    // Without the token reads are possible still.
    return { addresses, peers }
  }
}

function parsed(content: string, path: string): { addresses: string[]; peers: string[]; tokenFile?: string } {
  try {
    const document = JSON.parse(content)
    const [addresses, peers] = [urlsIn(document?.signers), urlsIn(document?.peers ?? [])]
    if (addresses && peers) return { addresses, peers, ...(typeof document.tokenFile === 'string' && { tokenFile: document.tokenFile }) }
  } catch {
    // Said below.
  }
  throw new MusigError('BAD_INPUT', `${path} is no cluster file: it does not list the signers' addresses`)
}

function urlsIn(list: unknown): string[] | undefined {
  return Array.isArray(list) && list.every((entry) => typeof entry?.url === 'string') ? list.map(({ url }) => String(url)) : undefined
}
