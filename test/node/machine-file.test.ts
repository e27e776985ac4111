/** State machines out of a file: found by their digest, refused otherwise, and unable to stop a signer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Transaction } from '../../src/lib/core/transaction.js'
import { Documents } from '../../src/lib/machine/documents.js'
import { loadMachine, machineFileName } from '../../src/lib/node/machine-file.js'

const folder = mkdtempSync(join(tmpdir(), 'musig-machine-'))
const transaction: Transaction = { deps: [], payload: Uint8Array.of(1), client: null, nonce: Uint8Array.of(1), expiry: null, signature: null }
const position = { batchId: '00'.repeat(32), index: 0, heights: new Map(), txId: '00'.repeat(32) }

const METHODS = 'query() { throw 1 } digest() { return new Uint8Array(32) } snapshot() { return new Uint8Array() } restore() {}'
const file = (name: string, content: string): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: Error) => error.message,
  )
}

test.after(() => rmSync(folder, { recursive: true, force: true }))

test('built-in ones need no file', async () => {
  assert.instance(await loadMachine('documents'), Documents)
  assert.match(await messageOf(loadMachine('sha256:00')), /unknown state machine/)
  assert.match(await messageOf(loadMachine('documents', file('x.mjs', ''))), /built-in/)
})

test('a class or a function makes one, each time a new one', async () => {
  const asClass = file('class.mjs', `export default class { check() {} apply() { return { ok: true, result: 'c' } } ${METHODS} }`)
  const asFunction = file(
    'function.mjs',
    `export default () => ({ check() {}, apply() { return { ok: true, result: 'f' } }, ${METHODS.replaceAll('} ', '}, ')} })`,
  )
  for (const [path, result] of [
    [asClass, 'c'],
    [asFunction, 'f'],
  ] as const) {
    const name = await machineFileName(path)
    assert.match(name, /^sha256:[0-9a-f]{64}$/)
    const machine = await loadMachine(name, path)
    assert.equal(machine.apply(transaction, position), { ok: true, result })
    assert.is(machine.check(transaction), undefined)
  }
})

test('a file with another digest, without a machine, or none at all is refused', async () => {
  const wrong = file('wrong.mjs', 'export default () => ({ check() {} })')
  assert.match(await messageOf(loadMachine('sha256:00', wrong)), /its digest is sha256:/)
  assert.match(await messageOf(loadMachine(await machineFileName(wrong), wrong)), /has no method “apply”/)
  const none = file('none.mjs', 'export const nothing = 0')
  assert.match(await messageOf(loadMachine(await machineFileName(none), none)), /makes no state machine/)
  assert.match(await messageOf(machineFileName(join(folder, 'missing.mjs'))), /cannot be read/)
})

test('what it throws becomes a refusal', async () => {
  const path = file('throws.mjs', `export default class { check() { throw 1 } apply() { throw 1 } ${METHODS} }`)
  const machine = await loadMachine(await machineFileName(path), path)
  assert.is(machine.check(transaction), 'the state machine fails on it')
  assert.equal(machine.apply(transaction, position), { ok: false, reason: 'the state machine failed' })
  assert.is(machine.query('x'), undefined)
})

test.run()
