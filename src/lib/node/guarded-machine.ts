/**
 * A state machine that others wrote, made safe to call: what it throws, or gives and must not, is counted and becomes an answer that is the same at every signer, so that one transaction does not
 * stop all of them. Owns which answer that is. Where going on would be a guess (a program that is gone, a snapshot that fails) the signer stops.
 */
import { type Id, shorten } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { Transaction } from '../core/transaction.js'
import { jsonCopy, MAX_REASON, MAX_RECEIPT_BYTES, readReceipt } from '../machine/receipt.js'
import type { Position, Receipt, StateMachine } from '../machine/state-machine.js'
import type { MachineCall, MachineWatch } from './machine-watch.js'

const DIGEST_BYTES = 32

export class GuardedMachine implements StateMachine {
  readonly watch: MachineWatch
  readonly #machine: StateMachine
  readonly #stop: (error: MusigError) => void
  readonly #close: () => void

  /** `stop` hears of the failure after which the signer must not go on; it is thrown too. */
  constructor(machine: StateMachine, watch: MachineWatch, stop: (error: MusigError) => void, close: () => void) {
    this.watch = watch
    this.#machine = machine
    this.#stop = stop
    this.#close = close
  }

  check(transaction: Transaction): string | undefined {
    return this.#answer(
      'check',
      null,
      () => {
        const reason: unknown = this.#machine.check(ownCopy(transaction))
        if (reason === undefined || reason === null) return undefined
        if (typeof reason === 'string' && reason !== '') return shorten(reason, MAX_REASON)
        throw new TypeError('it gave neither a reason nor undefined')
      },
      'the state machine fails on it',
    )
  }

  apply(transaction: Transaction, position: Position): Receipt {
    const failed: Receipt = { ok: false, reason: 'the state machine failed' }
    return this.#answer('apply', position.txId, () => readReceipt(this.#machine.apply(ownCopy(transaction), position)), failed)
  }

  query(path: string): unknown {
    return this.#answer('query', null, () => jsonCopy(this.#machine.query(path), 'value', MAX_RECEIPT_BYTES), undefined)
  }

  /** 32 zeros where the machine has no digest to give. */
  digest(): Uint8Array {
    return this.#answer(
      'digest',
      null,
      () => {
        const digest = bytesOf(this.#machine.digest())
        if (digest.length !== DIGEST_BYTES) throw new TypeError(`it gave ${digest.length} bytes, not ${DIGEST_BYTES}`)
        return digest
      },
      new Uint8Array(DIGEST_BYTES),
    )
  }

  /** Errors: `MACHINE_FAILED`. */
  snapshot(): Uint8Array {
    return this.#orStop('snapshot', () => bytesOf(this.#machine.snapshot()))
  }

  /** The same for others, who must not stop this signer: undefined where the machine cannot. */
  offer(): Uint8Array | undefined {
    return this.#answer<Uint8Array | undefined>('snapshot', null, () => bytesOf(this.#machine.snapshot()), undefined)
  }

  /** Errors: `MACHINE_FAILED`. */
  restore(snapshot: Uint8Array): void {
    this.#orStop('restore', () => this.#machine.restore(snapshot))
  }

  /** Ends what it runs in; it is not called any more. */
  close(): void {
    this.#close()
  }

  #answer<T>(call: MachineCall, txId: Id | null, work: () => T, otherwise: T): T {
    try {
      return work()
    } catch (error) {
      this.#failed(call, error, txId)
      return otherwise
    }
  }

  #orStop<T>(call: 'snapshot' | 'restore', work: () => T): T {
    try {
      return work()
    } catch (error) {
      this.#failed(call, error, null)
      const reason = shorten(error instanceof Error ? error.message : String(error), 200)
      const failure = new MusigError('MACHINE_FAILED', `the state machine failed in ${call}: ${reason}`, { cause: error })
      this.#stop(failure)
      throw failure
    }
  }

  /** Counts a failure, unless it is one after which nothing goes on. */
  #failed(call: MachineCall, error: unknown, txId: Id | null): void {
    if (error instanceof MusigError && error.code === 'MACHINE_FAILED') throw error
    this.watch.failed(call, error, txId)
  }
}

/** What a machine does to its transaction is its own affair: the batch that others are given is made of the same bytes. */
function ownCopy({ deps, payload, client, nonce, expiry, signature }: Transaction): Transaction {
  return {
    deps: [...deps],
    payload: payload.slice(),
    client: client?.slice() ?? null,
    nonce: nonce.slice(),
    expiry,
    signature: signature?.slice() ?? null,
  }
}

/** A copy: what the machine holds is nobody else's. */
function bytesOf(given: unknown): Uint8Array {
  if (!(given instanceof Uint8Array)) throw new TypeError('it gave no Uint8Array')
  return Uint8Array.from(given)
}
