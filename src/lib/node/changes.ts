/**
 * What callers of a signer's API may change, with the cluster's token: give it a transaction, put faults on its links in a test cluster. Owns what a body must be
 * and what becomes of a transaction until it is executed; routes and waiting are `api.ts`.
 */
import type { IncomingMessage } from 'node:http'
import type { Id } from '../base/bytes.js'
import { fromCbor, fromJson, refuse } from '../base/codec.js'
import { invariant, MusigError } from '../base/errors.js'
import { type Transaction, transactionCodec, transactionId, transactionsCodec } from '../core/transaction.js'
import { transactionAnswer } from './answers.js'
import { type Answer, askAgain, type Changes, type Executed, wholeNumber } from './api.js'
import type { Reply } from './driver.js'
import { API_LIMITS, errorAnswer, isCbor, readBody, readBytes, TokenCheck } from './http-guard.js'
import { checkFaults, type LinkFault, linkFaultsCodec } from './link-faults.js'
import { refuseUnlessTest } from './signer-config.js'
import type { SignerSubject } from './signer-status.js'

export interface SignerChangesOptions {
  subject: SignerSubject
  token: string
  /** Hands a transaction to the signer. */
  submit: (transaction: Transaction) => Promise<Reply>
  /** The other signers that answer now. */
  answering: () => Promise<number[]>
  /** Puts faults on the links, instead of those before. */
  setFaults: (faults: readonly LinkFault[]) => void
  /** Hears of errors that are no caller's fault. */
  log?: (error: unknown, path: string) => void
}

/** How long a caller waits unless it says otherwise. */
const DEFAULT_WAIT_MS = 10_000

/** How a caller waits for what it gives: until it is executed, at most so long, or until it is taken. */
interface Wait {
  forExecution: boolean
  timeoutMs: number
}

export class SignerChanges implements Changes {
  readonly #options: SignerChangesOptions
  readonly #subject: SignerSubject
  readonly #token: TokenCheck
  #asked: Promise<number[]> | undefined

  /** Errors: `BAD_INPUT` on a token that keeps nobody out. */
  constructor(options: SignerChangesOptions) {
    this.#options = options
    this.#subject = options.subject
    this.#token = new TokenCheck(options.token)
  }

  async post(topic: string, request: IncomingMessage, url: URL, executed: Executed): Promise<Answer> {
    this.#token.check(request)
    return topic === 'faults' ? this.#fault(request) : this.#submit(request, url, executed)
  }

  /** Why a transaction that was taken was not executed in time: `NO_QUORUM`, `TIMED_OUT`. */
  async late(txId: Id, timeoutMs: number): Promise<MusigError> {
    const { manifest } = this.#subject
    const again = askAgain(txId)
    const reachable = 1 + (await this.#answering()).length
    if (reachable < manifest.quorum) return new MusigError('NO_QUORUM', `no quorum: ${reachable} of ${manifest.quorum} signers reachable; ${again}`)
    return new MusigError('TIMED_OUT', `not executed within ${timeoutMs} ms, with ${reachable} of ${manifest.n} signers reachable; ${again}`)
  }

  async #submit(request: IncomingMessage, url: URL, executed: Executed): Promise<Answer> {
    if (isCbor(request))
      return this.#submitAll(fromCbor(transactionsCodec, await readBytes(request), API_LIMITS.bodyBytes, 'transactions'), url, executed)
    const body = await readBody(request)
    if (typeof body !== 'object' || body === null) refuse('body', 'not an object')
    if ('transactions' in body) return this.#submitAll(fromJson(transactionsCodec, body.transactions, 'transactions'), url, executed)
    if (!('transaction' in body)) refuse('body', '“transaction” is missing')
    const [answer] = await this.#outcomes([fromJson(transactionCodec, body.transaction, 'transaction')], waitOf(url), executed)
    invariant(answer, 'one answer for one transaction')
    return answer
  }

  async #submitAll(transactions: readonly Transaction[], url: URL, executed: Executed): Promise<Answer> {
    const answers = await this.#outcomes(transactions, waitOf(url), executed)
    return { status: 200, document: { results: answers.map(({ document }) => document) } }
  }

  /** Takes transactions and waits as their caller wants. Does not throw: what is wrong with one of many is that one's affair. */
  async #outcomes(transactions: readonly Transaction[], { forExecution, timeoutMs }: Wait, executed: Executed): Promise<Answer[]> {
    const handed = await Promise.all(transactions.map((transaction) => this.#hand(transaction)))
    const taken = handed.flatMap(({ txId, error }) => (error === undefined ? [txId] : []))
    const results = forExecution ? await executed(taken, timeoutMs) : taken.map((txId) => transactionAnswer(this.#subject, txId))
    let next = 0
    return handed.map(({ txId, error }) => {
      const result = error ?? results[next++]
      // Whoever gave the transaction must be able to ask for it again.
      if (result === undefined || result instanceof Error) return errorAnswer(result, { txId })
      return { status: forExecution ? 200 : 202, document: result }
    })
  }

  /** Takes a table of faults: in a test cluster alone. */
  async #fault(request: IncomingMessage): Promise<Answer> {
    const { self, manifest } = this.#subject
    refuseUnlessTest(manifest)
    const body = await readBody(request)
    if (typeof body !== 'object' || body === null || !('faults' in body)) refuse('body', '“faults” is missing')
    const faults = fromJson(linkFaultsCodec, body.faults, 'faults')
    checkFaults(faults, self, manifest.n)
    this.#options.setFaults(faults)
    return { status: 200, document: { faults } }
  }

  /** Gives a transaction to the signer; why it was not taken: `REJECTED`, `BUSY`, or that the signer does not run. */
  async #hand(transaction: Transaction): Promise<{ txId: Id; error?: Error }> {
    const { executor, manifest } = this.#subject
    const txId = transactionId(manifest.clusterId, transaction)
    executor.submitted(txId, performance.now())
    let error: Error
    try {
      const reply = await this.#options.submit(transaction)
      if (reply.status !== 'rejected' && reply.status !== 'busy') return { txId }
      if (reply.status === 'rejected') executor.refused(txId, reply.reason)
      error =
        reply.status === 'rejected'
          ? new MusigError('REJECTED', `the transaction was rejected: ${reply.reason}`)
          : new MusigError('BUSY', `this signer takes no more transactions at the moment: ${reply.reason}`)
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error(String(thrown))
      if (!(error instanceof MusigError) || error.code === 'INTERNAL') this.#options.log?.(error, '/api/transactions')
    }
    executor.dropped(txId)
    return { txId, error }
  }

  /** All whose time is over at the same moment share one answer. */
  #answering(): Promise<number[]> {
    this.#asked ??= this.#options.answering().finally(() => {
      this.#asked = undefined
    })
    return this.#asked
  }
}

/** Errors: `BAD_INPUT`. */
function waitOf(url: URL): Wait {
  const wait = url.searchParams.get('wait') ?? 'executed'
  if (wait !== 'executed' && wait !== 'none') throw new MusigError('BAD_INPUT', `wait=${wait.slice(0, 20)} is neither executed nor none`)
  return { forExecution: wait === 'executed', timeoutMs: wholeNumber(url, 'timeoutMs', DEFAULT_WAIT_MS, API_LIMITS.waitMs) }
}
