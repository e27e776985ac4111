/** What the core is given of a state machine by whoever begins from a snapshot (§13): it is applied at once, for nothing of it is durable before it is confirmed. */
import type { Id } from '../base/bytes.js'
import type { KeyLogs } from './key-logs.js'
import type { PastEntry } from './past.js'
import type { ExecutedBatch } from './steppable.js'

export interface Stage {
  /** Takes the place of all that was there; `logs` are those that follow from the past. Throws where it cannot read the state. */
  restore(past: readonly PastEntry[], state: Uint8Array, logs: KeyLogs): void
  /** Applies a batch at its place. Returns what is told of it, encoded. */
  execute(executed: ExecutedBatch): Uint8Array[]
  /** The digest of the state machine as it is. */
  machineDigest(): Id
}
