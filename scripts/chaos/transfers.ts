/**
 * Clients that move money between a few accounts in a closed loop, and the history of what they saw. Owns who sends what to whom and when; how the
 * transactions reach a signer is the product's own client.
 */
import { randomBytes } from 'node:crypto'
import { MusigError } from '../../src/lib/base/errors.js'
import type { SeededRandom } from '../../src/lib/base/prng.js'
import { signTransaction, type Transaction, transactionId } from '../../src/lib/core/transaction.js'
import { openPayload, transferPayload } from '../../src/lib/machine/ledger.js'
import type { TransactionResult } from '../../src/lib/node/answers.js'
import type { Client } from '../../src/lib/node/client.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import type { Call, Operation, Place } from './checker.js'

export interface TransferOptions {
  client: Client
  clusterId: string
  n: number
  /** Accounts are given this before their number, so that runs on one cluster do not meet. */
  prefix: string
  accounts: number
  /** The share of transfers that touch the first two accounts, and so conflict. */
  conflicts: number
  /** The share of transfers that are given to two signers at once. */
  doubles: number
  timeoutMs: number
  random: SeededRandom
  /** Once aborted nothing is tried again. */
  signal?: AbortSignal
}

/** What a client saw of one transfer, with what the signer told about its path. */
export interface Seen extends Call {
  path: 'fast' | 'slow' | null
  ballot: number | null
  /** Why it has no answer: the code of the error. */
  error: string | null
}

const OPENING = 1000
const MOST = 40
const RETRY_MS = 250
/** Errors after which a client tries again. */
const AGAIN: ReadonlySet<string> = new Set(['UNREACHABLE', 'TIMED_OUT', 'BUSY'])

export class Transfers {
  readonly seen: Seen[] = []
  readonly accounts: string[]
  readonly #options: TransferOptions
  readonly #secretKey = Uint8Array.from(randomBytes(32))

  constructor(options: TransferOptions) {
    this.#options = options
    this.accounts = Array.from({ length: options.accounts }, (_, i) => `${options.prefix}${i}`)
  }

  /** Opens all accounts. */
  async open(): Promise<void> {
    await Promise.all(this.accounts.map((account) => this.#send({ op: 'open', account, amount: OPENING })))
  }

  /** Sends transfers, one after the other by each client with a pause between, until `isOver`. */
  async run(clients: number, pauseMs: number, isOver: () => boolean): Promise<void> {
    const work = async () => {
      while (!isOver()) {
        await this.#send(this.#transfer())
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
    await Promise.all(Array.from({ length: clients }, work))
  }

  #transfer(): Operation {
    const { random, conflicts } = this.#options
    const among = random.fraction() < conflicts ? this.accounts.slice(0, 2) : this.accounts
    const from = random.upTo(among.length - 1)
    const to = (from + 1 + random.upTo(among.length - 2)) % among.length
    return { op: 'transfer', from: among[from] ?? '', to: among[to] ?? '', amount: 1 + random.upTo(MOST) }
  }

  async #send(operation: Operation): Promise<void> {
    const { clusterId, n, random, doubles } = this.#options
    const draft =
      operation.op === 'open' ? openPayload(operation.account, operation.amount) : transferPayload(operation.from, operation.to, operation.amount)
    const nonce = Uint8Array.from(randomBytes(16))
    const transaction = signTransaction(nodeEd25519, clusterId, this.#secretKey, { ...draft, client: null, nonce, expiry: null, signature: null })
    const call: Seen = {
      txId: transactionId(clusterId, transaction),
      operation,
      invokedMs: performance.now(),
      endedMs: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
      path: null,
      ballot: null,
      error: null,
    }
    this.seen.push(call)
    const first = random.upTo(n - 1)
    const targets = random.fraction() < doubles ? [first, (first + 1) % n] : [first]
    const answers = await Promise.allSettled(targets.map((to) => this.#submit(transaction, to)))
    call.endedMs = performance.now()
    const results = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const executed = results.find(({ status }) => status === 'executed')
    if (executed) Object.assign(call, { outcome: 'ok', place: placeOf(executed), path: executed.path, ballot: executed.ballot })
    // One of two that rejects says nothing of what the other does.
    else if (answers.every(isRejection)) call.outcome = 'refused'
    else call.error = answers.map(codeOf).find((code) => code !== 'REJECTED') ?? null
  }

  /** Where no signer takes it, or the one that took it dies, it is tried again, the same transaction, until its time is over. */
  async #submit(transaction: Transaction, to: number): Promise<TransactionResult> {
    const { client, timeoutMs, signal } = this.#options
    const deadline = performance.now() + timeoutMs
    for (;;) {
      try {
        return await client.submit(transaction, { to, timeoutMs: Math.max(1, deadline - performance.now()) })
      } catch (error) {
        const isWorthAnother = error instanceof MusigError && AGAIN.has(error.code)
        if (!isWorthAnother || signal?.aborted || performance.now() + RETRY_MS > deadline) throw error
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }
}

/** Where an answer says that a transaction stands. */
export function placeOf({ batchId, index, position, receipt }: TransactionResult): Place {
  return { batchId: batchId ?? '', index: index ?? -1, heights: position, accepted: receipt?.ok === true }
}

/** Throughput, latency and paths of what was seen since a moment. */
export function figuresOf(seen: readonly Seen[], sinceMs: number) {
  const counted = seen.filter(({ invokedMs }) => invokedMs >= sinceMs)
  const done = counted.filter(({ outcome }) => outcome === 'ok')
  const seconds = (Math.max(sinceMs, ...counted.map(({ endedMs }) => endedMs)) - sinceMs) / 1000
  const latencies = done.map(({ invokedMs, endedMs }) => endedMs - invokedMs).sort((a, b) => a - b)
  const percentile = (share: number) => round(latencies[Math.ceil(share * latencies.length) - 1] ?? 0)
  const fast = done.filter(({ path }) => path === 'fast').length
  return {
    sent: counted.length,
    executed: done.length,
    refused: counted.filter(({ outcome }) => outcome === 'refused').length,
    unknown: counted.filter(({ outcome }) => outcome === 'unknown').length,
    reasons: reasonsOf(counted),
    perSecond: seconds > 0 ? round(done.length / seconds) : 0,
    latencyMs: { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) },
    fastShare: done.length > 0 ? Math.round((fast / done.length) * 1000) / 1000 : 0,
    recovered: done.filter(({ ballot }) => (ballot ?? 0) > 0).length,
  }
}

/** How often clients were told each code instead of an answer. */
function reasonsOf(seen: readonly Seen[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { error } of seen) if (error !== null) counts[error] = (counts[error] ?? 0) + 1
  return counts
}

function codeOf(answer: PromiseSettledResult<TransactionResult>): string {
  if (answer.status === 'fulfilled') return answer.value.status === 'rejected' ? 'REJECTED' : answer.value.status
  return answer.reason instanceof MusigError ? answer.reason.code : 'INTERNAL'
}

function isRejection(answer: PromiseSettledResult<TransactionResult>): boolean {
  if (answer.status === 'fulfilled') return answer.value.status === 'rejected'
  return answer.reason instanceof MusigError && answer.reason.code === 'REJECTED'
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
