/** A state machine as a process has it, with nothing to guard it. */
import type { StateMachine } from '../../src/lib/machine/state-machine.js'
import type { LoadedMachine } from '../../src/lib/node/machine-file.js'
import { MachineWatch } from '../../src/lib/node/machine-watch.js'

export function loaded<M extends StateMachine>(machine: M): M & LoadedMachine {
  return Object.assign(machine, { watch: new MachineWatch('test'), close: () => {} })
}
