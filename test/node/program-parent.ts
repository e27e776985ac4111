/** A process that holds a state machine in a program, to be stopped or killed: `program-parent.ts FILE TEXT` gives it one transaction with this text and prints the receipt. */
import { positionOf, transactionOf } from '../../src/lib/machine/compliance-bench.js'
import type * as Program from '../../src/lib/node/program-machine.js'

const { ProgramMachine } = (await import(new URL('../../dist/lib/node/program-machine.js', import.meta.url).href)) as typeof Program
const [file = '', text = ''] = process.argv.slice(2)
const machine = await ProgramMachine.start(file, {
  failed: (error) => console.log(error.message),
  limits: { callMs: text === 'late' ? 1000 : 60_000 },
})
const transaction = transactionOf({ deps: [], payload: text })
process.stdout.write('calls\n')
if (text !== 'idle') console.log('receipt', JSON.stringify(machine.apply(transaction, positionOf(transaction))))
setInterval(() => {}, 1000)
