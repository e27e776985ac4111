/** The state machines that come with the package, by the names that a manifest gives them. */
import { shorten } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { Append } from './append.js'
import { Documents } from './documents.js'
import { Ledger } from './ledger.js'
import type { StateMachine } from './state-machine.js'

const MACHINES: ReadonlyMap<string, () => StateMachine> = new Map<string, () => StateMachine>([
  ['ledger', () => new Ledger()],
  ['documents', () => new Documents()],
  ['append', () => new Append()],
])

/** Names that `machineByName` knows. */
export const MACHINE_NAMES: readonly string[] = [...MACHINES.keys()]

/** A new, empty state machine. Errors: `BAD_INPUT` on an unknown name. */
export function machineByName(name: string): StateMachine {
  const make = MACHINES.get(name)
  if (!make) throw new MusigError('BAD_INPUT', `unknown state machine “${shorten(name)}”; built in are ${MACHINE_NAMES.join(', ')}`)
  return make()
}
