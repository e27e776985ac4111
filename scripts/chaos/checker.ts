/**
 * Judges a history of ledger transfers against what the signers say they executed. Written apart from the product and sharing no rule with it: it knows
 * clients' observations, places in logs, and a ledger of its own, and nothing of votes, certificates or ballots.
 */

/** What a client asked the ledger for. All accounts have one owner. */
export type Operation = { op: 'open'; account: string; amount: number } | { op: 'transfer'; from: string; to: string; amount: number }

/** Where a transaction stands, as one signer or one answer to a client says. */
export interface Place {
  batchId: string
  /** Index within its batch. */
  index: number
  /** Height in the log of each key of its batch. */
  heights: Record<string, number>
  /** Whether the state machine did what it was asked for. */
  accepted: boolean
}

/** One transaction as its client saw it. `unknown`: no answer, so that it may have happened; `refused`: final, never to be executed. */
export interface Call {
  txId: string
  operation: Operation
  invokedMs: number
  endedMs: number
  outcome: 'ok' | 'refused' | 'unknown'
  /** What the client was told where the outcome is `ok`. */
  place?: Place
}

/** What one signer says after healing. */
export interface SignerState {
  signer: number
  orderDigest: string
  machineDigest: string
  /** Transactions that it counts as executed: none may be among them that nobody submitted. */
  transactions: number
  places: ReadonlyMap<string, Place>
  balances: Record<string, number>
}

/** A promise that was broken: the invariant's name and what shows it. */
export interface Violation {
  invariant: 'A1' | 'A2' | 'I1' | 'O2' | 'R1' | 'D1' | 'V1' | 'L1' | 'LEDGER'
  detail: string
}

/** Checks everything that can be told from a history and the signers' states. */
export function checkHistory(calls: readonly Call[], states: readonly SignerState[]): Violation[] {
  const violations: Violation[] = []
  const say = (invariant: Violation['invariant'], detail: string) => violations.push({ invariant, detail })
  agreement(states, say)
  const byId = new Map(calls.map((call) => [call.txId, call]))
  for (const state of states) {
    promisesToClients(calls, state, say)
    if (state.transactions !== state.places.size)
      say('I1', `signer ${state.signer} executed ${state.transactions} transactions, ${state.places.size} of them submitted`)
    for (const txId of state.places.keys()) if (!byId.has(txId)) say('I1', `signer ${state.signer} executed ${txId}, which nobody submitted`)
  }
  const [first] = states
  if (first) replay(byId, first, say)
  return violations
}

type Say = (invariant: Violation['invariant'], detail: string) => void

/** A1 and A2. */
function agreement(states: readonly SignerState[], say: Say): void {
  const [reference, ...others] = states
  if (!reference) return
  const sequences = sequencesOf(reference)
  for (const state of others) {
    const own = sequencesOf(state)
    for (const key of new Set([...sequences.keys(), ...own.keys()])) {
      const [a, b] = [sequences.get(key) ?? [], own.get(key) ?? []]
      // After healing one may still be behind, never elsewhere.
      const at = a.slice(0, Math.min(a.length, b.length)).findIndex((entry, i) => entry.label !== b[i]?.label)
      if (at >= 0) say('A1', `${key}: at place ${at} signer ${reference.signer} has ${a[at]?.label}, signer ${state.signer} has ${b[at]?.label}`)
    }
    if (state.orderDigest === reference.orderDigest && state.machineDigest !== reference.machineDigest)
      say('A2', `signers ${reference.signer} and ${state.signer} have one order and two states`)
  }
}

/** I1, D1 and R1, at one signer. */
function promisesToClients(calls: readonly Call[], { signer, places }: SignerState, say: Say): void {
  /** For each key the acknowledged calls, by the time of their acknowledgement. */
  const acknowledged = new Map<string, { call: Call; place: Place }[]>()
  for (const call of calls) {
    const place = places.get(call.txId)
    if (call.outcome === 'refused' && place) say('I1', `signer ${signer} executed ${call.txId} after its final refusal`)
    if (call.outcome !== 'ok') continue
    if (!place) {
      say('D1', `signer ${signer} lost ${call.txId}, which was acknowledged`)
      continue
    }
    if (call.place && labelOf(call.txId, call.place) !== labelOf(call.txId, place))
      say('D1', `${call.txId} was acknowledged as ${labelOf(call.txId, call.place)} and stands at signer ${signer} as ${labelOf(call.txId, place)}`)
    for (const key of keysOf(call.operation)) {
      const list = acknowledged.get(key) ?? []
      acknowledged.set(key, [...list, { call, place }])
    }
  }
  for (const [key, list] of acknowledged) {
    list.sort((a, b) => a.call.endedMs - b.call.endedMs)
    const later = calls.filter((call) => places.has(call.txId) && keysOf(call.operation).includes(key)).sort((a, b) => a.invokedMs - b.invokedMs)
    let done = 0
    let highest: { call: Call; place: Place } | undefined
    for (const call of later) {
      for (let next = list[done]; next && next.call.endedMs < call.invokedMs; next = list[done]) {
        if (!highest || before(highest.place, next.place, key)) highest = next
        done++
      }
      const place = places.get(call.txId)
      if (highest && place && before(place, highest.place, key))
        say('R1', `signer ${signer}: ${highest.call.txId} was acknowledged before ${call.txId} was submitted and comes after it on ${key}`)
    }
  }
}

/** O2 and the ledger: one order that all logs of keys follow, executed by a ledger of our own. */
function replay(byId: ReadonlyMap<string, Call>, state: SignerState, say: Say): void {
  const order = wholeOrder(state)
  if (!order) {
    say('O2', `signer ${state.signer}: the logs of the keys contradict each other`)
    return
  }
  const balances = new Map<string, number>()
  let sum = 0
  for (const txId of order) {
    const operation = byId.get(txId)?.operation
    if (!operation) continue
    const accepted = applyTo(balances, operation)
    if (accepted && operation.op === 'open') sum += operation.amount
    if (accepted !== state.places.get(txId)?.accepted) say('LEDGER', `${txId} is ${accepted ? 'good' : 'bad'} at its place and was told otherwise`)
  }
  const own = [...balances].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [account, balance] of own)
    if (state.balances[account] !== balance)
      say('LEDGER', `${account} holds ${state.balances[account]} at signer ${state.signer} and should hold ${balance}`)
  const total = Object.values(state.balances).reduce((all, balance) => all + balance, 0)
  if (total !== sum) say('LEDGER', `all accounts of signer ${state.signer} hold ${total}, and ${sum} came into being`)
}

/** Transfers need enough and an account at both ends; an account is opened once. */
function applyTo(balances: Map<string, number>, operation: Operation): boolean {
  if (operation.op === 'open') {
    if (balances.has(operation.account)) return false
    balances.set(operation.account, operation.amount)
    return true
  }
  const source = balances.get(operation.from)
  if (source === undefined || !balances.has(operation.to) || source < operation.amount) return false
  balances.set(operation.from, source - operation.amount)
  balances.set(operation.to, (balances.get(operation.to) ?? 0) + operation.amount)
  return true
}

/** Topological over the neighbours in every key's log; undefined where there is a cycle. */
function wholeOrder(state: SignerState): string[] | undefined {
  const next = new Map<string, string[]>()
  const open = new Map<string, number>([...state.places.keys()].map((txId) => [txId, 0]))
  for (const sequence of sequencesOf(state).values())
    for (let i = 1; i < sequence.length; i++) {
      const [a, b] = [sequence[i - 1]?.txId ?? '', sequence[i]?.txId ?? '']
      next.set(a, [...(next.get(a) ?? []), b])
      open.set(b, (open.get(b) ?? 0) + 1)
    }
  const order = [...open].flatMap(([txId, before]) => (before === 0 ? [txId] : []))
  for (let i = 0; i < order.length; i++)
    for (const txId of next.get(order[i] ?? '') ?? []) {
      const left = (open.get(txId) ?? 0) - 1
      open.set(txId, left)
      if (left === 0) order.push(txId)
    }
  return order.length === open.size ? order : undefined
}

function sequencesOf({ places }: SignerState): Map<string, { txId: string; label: string }[]> {
  const logs = new Map<string, { txId: string; place: Place }[]>()
  for (const [txId, place] of places)
    for (const key of Object.keys(place.heights)) {
      const log = logs.get(key) ?? []
      log.push({ txId, place })
      logs.set(key, log)
    }
  const sorted = [...logs].map(([key, log]): [string, { txId: string; label: string }[]] => [
    key,
    log
      .sort((a, b) => (before(a.place, b.place, key) ? -1 : 1))
      .map(({ txId, place }) => ({ txId, label: `${place.heights[key]}.${place.index} ${place.batchId} ${txId}` })),
  ])
  return new Map(sorted)
}

function before(a: Place, b: Place, key: string): boolean {
  const [x, y] = [a.heights[key] ?? 0, b.heights[key] ?? 0]
  return x < y || (x === y && a.index < b.index)
}

function labelOf(txId: string, { batchId, index, heights, accepted }: Place): string {
  return JSON.stringify([txId, batchId, index, accepted, Object.entries(heights).sort(([a], [b]) => (a < b ? -1 : 1))])
}

function keysOf(operation: Operation): string[] {
  return operation.op === 'open' ? [`acct:${operation.account}`] : [`acct:${operation.from}`, `acct:${operation.to}`]
}
