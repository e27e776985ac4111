import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/lib/base/bytes.js'
import { MACHINE_NAMES, machineByName } from '../../src/lib/machine/machines.js'

test('the built-in machines are found by name, each time new', () => {
  assert.equal([...MACHINE_NAMES], ['ledger', 'documents', 'append'])
  for (const name of MACHINE_NAMES) assert.is.not(machineByName(name), machineByName(name))
})

test('empty machines of different kinds have different digests', () => {
  assert.is.not(toHex(machineByName('ledger').digest()), toHex(machineByName('documents').digest()))
  assert.throws(() => machineByName('ledger').restore(machineByName('documents').snapshot()), 'snapshot.table: not one of ledger')
})

test('an unknown name is refused with what there is', () => {
  assert.throws(() => machineByName('constructor'), 'unknown state machine “constructor”; built in are ledger, documents, append')
})

test.run()
