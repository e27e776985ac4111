/** What the package gives to those who test a state machine of their own: what every machine must do, and a machine out of its file, as a signer loads it. */
import { type LoadedMachine, loadMachine, machineFileName } from './lib/node/machine-file.js'

export { complies } from './lib/machine/compliance.js'
export { clientKey, positionOf, type Sample, type Suite, transactionOf } from './lib/machine/compliance-bench.js'
export type { LoadedMachine }

/** A state machine out of a file, JavaScript or a program, as a signer runs it; to be closed. Errors: `BAD_INPUT`, `NOT_FOUND`, `MACHINE_FAILED`. */
export async function openMachine(file: string): Promise<LoadedMachine> {
  return loadMachine(await machineFileName(file), file)
}
