/** What the package gives to programs. Commands and processes are not among it; those are started through `musig`. */
export { type ErrorCode, MusigError } from './lib/base/errors.js'
export type { Position, Receipt, StateMachine } from './lib/machine/state-machine.js'
