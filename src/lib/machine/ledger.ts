/**
 * The ledger: accounts with an owner and a balance. Money comes into being when an account is opened, in a bounded
 * amount, and is only moved after that: balances are never negative and transfers leave the sum as it is. Whoever signs the opening owns the
 * account, and only transactions signed by the owner take from it; that the signature is valid is checked by the core.
 */
import { equalBytes, toHex } from '../base/bytes.js'
import { bytes, mapped, object, oneOf, refuse, uint } from '../base/codec.js'
import type { Transaction } from '../core/transaction.js'
import { type Draft, draftOf, name, type OperationOf, operationOf } from './operation.js'
import type { Receipt, StateMachine } from './state-machine.js'
import { Table } from './table.js'

/** The most that an account may be opened with. */
export const MAX_OPENING = 1_000_000

const amountAboveZero = mapped(
  uint(),
  (value, place) => (value > 0 ? value : refuse(place, 'not above 0')),
  (value) => value,
)

const operations = {
  /** Makes an account that belongs to the transaction's client. */
  open: object({ op: oneOf(['open']), account: name, amount: uint(MAX_OPENING) }),
  /** Moves an amount out of an account of the transaction's client. */
  transfer: object({ op: oneOf(['transfer']), from: name, to: name, amount: amountAboveZero }),
}

type Operation = OperationOf<typeof operations>

const account = object({ owner: bytes(32), balance: uint() })

/** The dependency key of an account, which is also the path to query it. */
export function accountKey(accountName: string): string {
  return `acct:${accountName}`
}

function keysOf(operation: Operation): string[] {
  return operation.op === 'open' ? [accountKey(operation.account)] : [accountKey(operation.from), accountKey(operation.to)]
}

/** Opens an account with an amount of at most `MAX_OPENING`. Must be signed by a client. Errors: `BAD_INPUT`. */
export function openPayload(accountName: string, amount = 1000): Draft {
  return draftOf(operations, keysOf, { op: 'open', account: accountName, amount })
}

/** Moves a whole amount above 0. Must be signed by the owner of `from`. Errors: `BAD_INPUT`. */
export function transferPayload(from: string, to: string, amount: number): Draft {
  return draftOf(operations, keysOf, { op: 'transfer', from, to, amount })
}

/** An operation from its JSON fields, with the keys that it needs. Errors: `BAD_INPUT`. */
export function ledgerDraft(fields: object): Draft {
  return draftOf(operations, keysOf, fields)
}

/** Queries: `acct:NAME` gives `{account, owner, balance}`, `accounts` gives `{count, sum}`. */
export class Ledger implements StateMachine {
  readonly #accounts = new Table('ledger', name, account)

  check(transaction: Transaction): string | undefined {
    const read = this.#read(transaction)
    return typeof read === 'string' ? read : undefined
  }

  apply(transaction: Transaction): Receipt {
    const read = this.#read(transaction)
    if (typeof read === 'string') return { ok: false, reason: read }
    const { operation, client } = read
    return operation.op === 'open' ? this.#open(operation, client) : this.#transfer(operation, client)
  }

  query(path: string): unknown {
    if (path === 'accounts') {
      const balances = [...this.#accounts.values()].map(({ balance }) => balance)
      return { count: balances.length, sum: balances.reduce((sum, balance) => sum + balance, 0) }
    }
    if (!path.startsWith('acct:')) return undefined
    const accountName = path.slice('acct:'.length)
    const found = this.#accounts.get(accountName)
    return found && { account: accountName, owner: toHex(found.owner), balance: found.balance }
  }

  digest(): Uint8Array {
    return this.#accounts.digest()
  }

  snapshot(): Uint8Array {
    return this.#accounts.snapshot()
  }

  restore(snapshot: Uint8Array): void {
    this.#accounts.restore(snapshot)
  }

  #read(transaction: Transaction): { operation: Operation; client: Uint8Array } | string {
    const read = operationOf(operations, keysOf, transaction)
    if (typeof read === 'string') return read
    const { operation } = read
    const { client } = transaction
    if (client === null) return `${operation.op} needs a client key and its signature`
    if (operation.op === 'transfer' && operation.from === operation.to) return 'a transfer from an account to itself'
    return { operation, client }
  }

  #open({ account: accountName, amount }: Operation & { op: 'open' }, client: Uint8Array): Receipt {
    if (this.#accounts.get(accountName)) return { ok: false, reason: `account ${accountName} exists already` }
    // A copy: nobody else may hold the bytes that the state is made of.
    this.#accounts.set(accountName, { owner: client.slice(), balance: amount })
    return { ok: true, result: { account: accountName, balance: amount } }
  }

  #transfer({ from, to, amount }: Operation & { op: 'transfer' }, client: Uint8Array): Receipt {
    const source = this.#accounts.get(from)
    const target = this.#accounts.get(to)
    if (!source) return { ok: false, reason: `there is no account ${from}` }
    if (!equalBytes(source.owner, client)) return { ok: false, reason: `account ${from} belongs to another client` }
    if (!target) return { ok: false, reason: `there is no account ${to}` }
    if (source.balance < amount) return { ok: false, reason: `account ${from} holds ${source.balance}, less than ${amount}` }
    if (!Number.isSafeInteger(target.balance + amount)) return { ok: false, reason: `account ${to} cannot hold that much` }
    this.#accounts.set(from, { ...source, balance: source.balance - amount })
    this.#accounts.set(to, { ...target, balance: target.balance + amount })
    return { ok: true, result: { balances: { [from]: source.balance - amount, [to]: target.balance + amount } } }
  }
}
