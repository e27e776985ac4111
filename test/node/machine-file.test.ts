/** State machines out of a file: found by their digest, refused otherwise with what is wrong, each with variables of its own, and unable to stop a signer. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import type { Transaction } from '../../src/lib/core/transaction.js'
import { Documents } from '../../src/lib/machine/documents.js'
import { MAX_RECEIPT_BYTES } from '../../src/lib/machine/receipt.js'
import { checkMachineFile, loadMachine, machineFileName } from '../../src/lib/node/machine-file.js'

const folder = mkdtempSync(join(tmpdir(), 'musig-machine-'))
const transaction: Transaction = { deps: [], payload: Uint8Array.of(1), client: null, nonce: Uint8Array.of(1), expiry: null, signature: null }
const position = { batchId: '00'.repeat(32), index: 0, heights: new Map(), txId: '12'.repeat(32) }

const METHODS = 'query() { throw 1 } digest() { return new Uint8Array(32) } snapshot() { return new Uint8Array() } restore() {}'
const file = (name: string, content: string): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const withMethods = (name: string, methods: string) => file(name, `export default class { check() {} ${METHODS} ${methods} }`)

async function load(path: string, options: Parameters<typeof loadMachine>[2] = {}) {
  return loadMachine(await machineFileName(path), path, options)
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof MusigError ? error.message : `not an operating error: ${error}`),
  )
}

test.after(() => rmSync(folder, { recursive: true, force: true }))

test('built-in ones need no file, and a file is asked for where the manifest names one', async () => {
  assert.instance(await loadMachine('documents'), Documents)
  assert.match(await messageOf(loadMachine('ducoments')), /unknown state machine/)
  assert.match(await messageOf(loadMachine('sha256:00')), /give that file with --machine-file/)
  assert.match(await messageOf(loadMachine('documents', file('x.mjs', ''))), /built-in/)
})

test('a class or a function makes one, each time a new one', async () => {
  const asClass = file('class.mjs', `export default class { check() {} apply() { return { ok: true, result: 'c' } } ${METHODS} }`)
  const asFunction = file(
    'function.js',
    `export default async () => ({ check() {}, apply() { return { ok: true, result: 'f' } }, ${METHODS.replaceAll('} ', '}, ')} })`,
  )
  for (const [path, result] of [
    [asClass, 'c'],
    [asFunction, 'f'],
  ] as const) {
    const name = await machineFileName(path)
    assert.match(name, /^sha256:[0-9a-f]{64}$/)
    assert.is(await checkMachineFile(path), name)
    const machine = await loadMachine(name, path)
    assert.equal(machine.apply(transaction, position), { ok: true, result })
    assert.is(machine.check(transaction), undefined)
  }
})

test('machines out of one file share no variable: several signers may run in one process, one after the other too', async () => {
  const path = file('shared.mjs', `let count = 0; export default class { check() {} apply() { return { ok: true, result: ++count } } ${METHODS} }`)
  const [one, other] = [await load(path), await load(path)]
  for (const machine of [one, one, other]) machine.apply(transaction, position)
  assert.equal(one.apply(transaction, position), { ok: true, result: 3 })
  assert.equal(other.apply(transaction, position), { ok: true, result: 2 })
})

test('what is run is what the digest is of, and errors name the file', async () => {
  const path = withMethods('where.mjs', 'apply() { throw new Error("here") }')
  const errors: Error[] = []
  const machine = await load(path, { log: { error: (fields) => errors.push((fields as { err: Error }).err), warn() {}, info() {} } })
  machine.apply(transaction, position)
  assert.match(errors[0]?.stack ?? '', new RegExp(`${path}\\?\\d+:1:`))
})

const REFUSED: [name: string, content: string, message: RegExp][] = [
  ['wrong.mjs', 'export default () => ({ check() {} })', /has no method “apply”/],
  ['none.mjs', 'export const nothing = 0', /default export is neither a class nor a function/],
  ['empty.js', '', /default export is neither/],
  ['nothing.js', 'export default () => undefined', /has no method “check”/],
  ['throws.js', 'export default class { constructor() { throw new Error("not today") } }', /makes no state machine: not today$/],
  ['syntax.js', 'export default class {', /makes no state machine: Unexpected end of input \(node --check/],
  [
    'imports.js',
    "import './other.js'\nexport default class {}",
    /imports “\.\/other\.js”, and the manifest’s digest covers one file alone: bundle it/,
  ],
  ['package.js', "import 'musig-paxos'\nexport default class {}", /imports “musig-paxos”/],
  ['common.cjs', 'module.exports = class {}', /is CommonJS/],
  ['typed.ts', 'export default class {}', /is not JavaScript yet: build it/],
  ['machine.py', '#!/usr/bin/env python3\n', /not executable; make it so with: chmod \+x/],
  ['binary.js', '\0\x01\x02', /makes no state machine/],
]

for (const [name, content, message] of REFUSED)
  test(`refused: ${name}`, async () => {
    const path = file(name, content)
    assert.match(await messageOf(load(path)), message)
    assert.match(await messageOf(checkMachineFile(path)), message)
    assert.not.match(await messageOf(load(path)), /data:text/)
  })

test('refused: another digest, a folder, a file that is not there or may not be read', async () => {
  assert.match(await messageOf(loadMachine('sha256:00', file('any.mjs', ''))), /its digest is sha256:[0-9a-f]{64}, not sha256:00/)
  assert.match(await messageOf(machineFileName(join(folder, 'missing.mjs'))), /does not exist/)
  mkdirSync(join(folder, 'folder.js'))
  assert.match(await messageOf(machineFileName(join(folder, 'folder.js'))), /is a folder/)
  chmodSync(file('closed.mjs', ''), 0o000)
  if (process.getuid?.() !== 0) assert.match(await messageOf(machineFileName(join(folder, 'closed.mjs'))), /cannot be read \(EACCES\)/)
})

test('Node’s own modules may be imported', async () => {
  const path = file(
    'node.mjs',
    `import { createHash } from 'node:crypto'; export default class { check() {} apply() { return { ok: true, result: createHash('md5').update('').digest('hex') } } ${METHODS} }`,
  )
  assert.equal((await load(path)).apply(transaction, position), { ok: true, result: 'd41d8cd98f00b204e9800998ecf8427e' })
})

test('what it throws becomes a refusal, counted and logged with its transaction', async () => {
  const path = file('fails.mjs', `export default class { check() { throw 1 } apply() { throw new RangeError('out of it') } ${METHODS} }`)
  const lines: [object, string][] = []
  const machine = await load(path, { log: { error: (...line) => lines.push(line), warn() {}, info() {} } })
  assert.is(machine.check(transaction), 'the state machine fails on it')
  assert.equal(machine.apply(transaction, position), { ok: false, reason: 'the state machine failed' })
  assert.is(machine.query('x'), undefined)
  const { failures, lastFailure } = machine.watch.report()
  assert.equal(failures, { check: 1, apply: 1, query: 1 })
  assert.equal(lastFailure, { call: 'query', txId: null, error: '1' })
  const [fields, text] = lines[1] ?? [{}, '']
  assert.is(text, 'the state machine failed in apply')
  assert.is((fields as { txId: string }).txId, position.txId)
  assert.instance((fields as { err: Error }).err, RangeError)
})

test('a machine that writes over its transaction changes nobody else’s', async () => {
  const spoil = '{ t.deps.push("x"); for (const b of [t.payload, t.nonce, t.client, t.signature]) b.fill(9); return WHAT }'
  const path = file(
    'spoils.mjs',
    `export default class { check(t) ${spoil.replace('WHAT', 'undefined')} apply(t) ${spoil.replace('WHAT', '{ ok: true, result: 1 }')} ${METHODS} }`,
  )
  const machine = await load(path)
  const make = (): Transaction => ({
    ...transaction,
    deps: ['a'],
    payload: Uint8Array.of(1, 2),
    client: new Uint8Array(32),
    signature: new Uint8Array(64),
  })
  const mine = make()
  assert.is(machine.check(mine), undefined)
  assert.equal(machine.apply(mine, position), { ok: true, result: 1 })
  assert.equal(mine, make())
})

test('failures are logged some times each, and counted always', async () => {
  const path = withMethods('often.mjs', 'apply() { throw 1 }')
  let lines = 0
  const machine = await load(path, { log: { error: () => lines++, warn() {}, info() {} } })
  for (let i = 0; i < 2500; i++) machine.apply(transaction, position)
  assert.is(lines, 22)
  assert.equal(machine.watch.report().failures, { apply: 2500 })
})

const NONSENSE: [string, string][] = [
  ['nothing', 'undefined'],
  ['a text', "'ok'"],
  ['a list', '[]'],
  ['no ok', '({ result: 1 })'],
  ['no reason', '({ ok: false })'],
  ['a circle', '(() => { const a = { ok: true }; a.result = a; return a })()'],
  ['a bigint', '({ ok: true, result: 1n })'],
  ['a promise', 'Promise.resolve({ ok: true, result: 1 })'],
  ['too much', `({ ok: true, result: 'x'.repeat(${MAX_RECEIPT_BYTES}) })`],
]

for (const [what, value] of NONSENSE)
  test(`a receipt that is none becomes a refusal: ${what}`, async () => {
    const machine = await load(withMethods('nonsense.mjs', `apply() { return ${value} }`))
    assert.equal(machine.apply(transaction, position), { ok: false, reason: 'the state machine failed' })
    assert.equal(machine.watch.report().failures, { apply: 1 })
  })

test('a receipt is a copy, plain JSON, and a long reason is cut', async () => {
  const path = withMethods(
    'copy.mjs',
    'kept = { list: [] }; apply() { this.kept.list.push(new Date(0)); return { ok: true, result: this.kept, more: 1 } }',
  )
  const machine = await load(path)
  const first = machine.apply(transaction, position)
  machine.apply(transaction, position)
  assert.equal(first, { ok: true, result: { list: ['1970-01-01T00:00:00.000Z'] } })
  const long = await load(withMethods('long.mjs', "apply() { return { ok: false, reason: 'x'.repeat(5000) } }"))
  assert.is(JSON.stringify(long.apply(transaction, position)).length < 1100, true)
})

test('a check that gives neither a reason nor undefined fails on the transaction; null is undefined', async () => {
  for (const [value, expected] of [
    ['null', undefined],
    ["''", 'the state machine fails on it'],
    ['true', 'the state machine fails on it'],
    ["'no'", 'no'],
  ])
    assert.is(
      (await load(file('check.mjs', `export default class { apply() {} ${METHODS} check() { return ${value} } }`))).check(transaction),
      expected,
    )
})

test('a digest that fails is 32 zeros; a snapshot that fails stops its holder', async () => {
  const failures: MusigError[] = []
  const path = file(
    'state.mjs',
    'export default class { check() {} apply() {} query() {} digest() { return new Uint8Array(31) } snapshot() { throw new Error("too large") } restore() { throw new Error("torn") } }',
  )
  const machine = await load(path, { failed: (error) => failures.push(error) })
  assert.equal(machine.digest(), new Uint8Array(32))
  assert.equal(machine.watch.report().failures, { digest: 1 })
  assert.throws(() => machine.snapshot(), 'the state machine failed in snapshot: too large')
  assert.throws(() => machine.restore(new Uint8Array()), 'the state machine failed in restore: torn')
  assert.equal(
    failures.map(({ code }) => code),
    ['MACHINE_FAILED', 'MACHINE_FAILED'],
  )
})

test.run()
