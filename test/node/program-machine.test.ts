// time limit: 300 s
/** A state machine as a program: what is asked of it and how, and that one which dies, hangs or answers nonsense is gone at once, with all that it started. */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { MusigError } from '../../src/lib/base/errors.js'
import { positionOf, transactionOf } from '../../src/lib/machine/compliance-bench.js'
import type { Receipt } from '../../src/lib/machine/state-machine.js'
import type * as MachineFile from '../../src/lib/node/machine-file.js'
import type * as Program from '../../src/lib/node/program-machine.js'
import { until } from '../until.js'

/** As it was built: from the sources each thread would be translated anew. */
const built = (module: string): Promise<unknown> => import(new URL(`../../dist/lib/node/${module}.js`, import.meta.url).href)
const { loadMachine, machineFileName } = (await built('machine-file')) as typeof MachineFile
const { PROGRAM_LIMITS, ProgramMachine } = (await built('program-machine')) as typeof Program

const FILE = fileURLToPath(new URL('../fixtures/machine/obeys', import.meta.url))
const PARENT = fileURLToPath(new URL('./program-parent.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'musig-program-'))

test.after(() => rmSync(folder, { recursive: true, force: true }))

const give = (text: string) => transactionOf({ deps: ['a'], payload: text })
const apply = (machine: { apply: Program.ProgramMachine['apply'] }, text: string): Receipt => machine.apply(give(text), positionOf(give(text)))

/** The processes whose command line holds this text. */
function running(text: string): string[] {
  return execFileSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(text) && !line.includes('ps -A'))
}

/** A copy of the program under a name of its own, by which its processes are found. */
let copies = 0
function copy(content?: string): string {
  const file = join(folder, `program-${process.pid}-${copies++}`)
  writeFileSync(file, content ?? execFileSync('cat', [FILE]))
  chmodSync(file, 0o755)
  return file
}

async function started(file = copy(), limits: Partial<typeof Program.PROGRAM_LIMITS> = {}) {
  const failures: MusigError[] = []
  const said: string[] = []
  const log = { error() {}, warn() {}, info: (fields: object) => said.push((fields as { machine: string }).machine) }
  const machine = await ProgramMachine.start(file, { failed: (error) => failures.push(error), log, limits })
  return { machine, failures, said, file }
}

function failureOf(work: () => unknown): MusigError {
  try {
    work()
  } catch (error) {
    return error as MusigError
  }
  throw new Error('it did not fail')
}

test('all calls arrive with what belongs to them, and their answers come back', async () => {
  const { machine, failures, file } = await started()
  assert.is(machine.check(give('')), 'empty')
  assert.is(machine.check(give('x')), undefined)
  const place = { batchId: 'ab'.repeat(32), index: 2, heights: new Map([['a', 7]]), txId: 'cd'.repeat(32) }
  const told = { batchId: place.batchId, index: 2, heights: { a: 7 }, txId: place.txId }
  const before = machine.digest()
  assert.equal(machine.apply(give('täxt “1”'), place), { ok: true, result: { text: 'täxt “1”', place: told } })
  assert.is.not(machine.digest().join(), before.join())
  assert.equal(machine.query('texts'), ['täxt “1”'])
  assert.is(machine.query('nothing'), undefined)
  const snapshot = machine.snapshot()
  assert.is(new TextDecoder().decode(snapshot), '["täxt “1”"]')
  machine.restore(new TextEncoder().encode('[]'))
  assert.equal(machine.digest(), before)
  machine.restore(snapshot)
  assert.equal(machine.query('texts'), ['täxt “1”'])
  machine.close()
  machine.close()
  await until('the end of the program', () => running(file).length === 0)
  assert.equal(failures, [])
})

test('a payload of the largest size and a state of some megabytes fit', async () => {
  const { machine } = await started()
  const large = 'x'.repeat(256 * 1024)
  for (let i = 0; i < 8; i++) assert.ok(apply(machine, large).ok)
  const snapshot = machine.snapshot()
  assert.ok(snapshot.length > 2 * 1024 * 1024)
  machine.restore(snapshot)
  assert.equal(machine.snapshot(), snapshot)
  machine.close()
})

const MISBEHAVIOUR: [text: string, message: RegExp][] = [
  ['die', /ended with code 3 \(during apply of transaction [0-9a-f]{64}\)$/],
  ['die loudly', /was ended by SIGTERM; it last said: the last words \(during apply/],
  ['hang', /did not answer within 500 ms \(during apply/],
  ['not json', /answered what is no answer to apply: no JSON: “hello”/],
  ['two lines', /wrote more than one line/],
  ['another id', /not an object with "id": 2/],
  ['no receipt', /receipt: “ok” is neither true nor false/],
  ['more fields', /unknown field “more”/],
  ['not a number', /no JSON: “{"id":2/],
  ['too long', /wrote a line of more than 1049600 bytes/],
  ['no end', /wrote a line of more than 1049600 bytes/],
  ['not utf-8', /not UTF-8/],
  ['closes stdout', /closed its output|ended with/],
]

for (const [text, message] of MISBEHAVIOUR)
  test(`${text}: it is ended, no call succeeds any more, and whoever holds it is told once`, async () => {
    const { machine, failures, file } = await started()
    assert.ok(apply(machine, 'fine').ok)
    machine.query('texts')
    // Only who hangs is meant to be late: a short limit for the others would judge how busy the machine is.
    const { machine: second, failures: failuresOfSecond } = await started(file, text === 'hang' ? { callMs: 500 } : {})
    const error = failureOf(() => apply(second, text))
    assert.is(error.code, 'MACHINE_FAILED')
    assert.match(error.message, message)
    assert.ok(error.message.startsWith(`the state machine ${file} `), error.message)
    assert.not.match(error.message, /\n/)
    for (const call of [() => apply(second, 'fine'), () => second.check(give('x')), () => second.digest(), () => second.query('texts')])
      assert.is(failureOf(call), error)
    assert.equal(failuresOfSecond, [error])
    assert.ok(apply(machine, 'another one goes on').ok)
    machine.close()
    await until('the end of the program and of what it started', () => running(file).length === 0)
    assert.equal(failures, [])
  })

test('what it writes unasked, and its end while nobody calls, is told at once', async () => {
  const { machine, failures, file } = await started()
  assert.ok(apply(machine, 'unasked').ok)
  await until('the failure', () => failures.length > 0)
  assert.match(failures[0]?.message ?? '', /wrote without being asked: “and another thing·”$/)
  assert.is(
    failureOf(() => machine.digest()),
    failures[0],
  )
  await until('the end of the program', () => running(file).length === 0)

  const other = await started()
  execFileSync('pkill', ['-KILL', '-f', `node ${other.file}`])
  await until('the failure', () => other.failures.length > 0)
  assert.match(other.failures[0]?.message ?? '', /was ended by SIGKILL$/)
})

test('an answer that says it failed is a failure of that call alone', async () => {
  const file = copy()
  const machine = await loadMachine(await machineFileName(file), file)
  assert.equal(apply(machine, 'says it failed'), { ok: false, reason: 'the state machine failed' })
  const txId = positionOf(give('')).txId
  assert.equal(machine.watch.report().failures, { apply: 1 })
  assert.equal(machine.watch.report().lastFailure, { call: 'apply', txId, error: 'no such thing' })
  assert.ok(apply(machine, 'fine').ok)
  assert.throws(() => machine.restore(new TextEncoder().encode('[')), 'the state machine')
  machine.close()
})

test('what it says on stderr is passed on, within limits', async () => {
  const { machine, said } = await started()
  assert.ok(apply(machine, 'says much').ok)
  await until('its lines', () => said.length >= 100)
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.is(said.length, 100)
  assert.is(said[0], 'a line')
  machine.close()
})

test('what cannot be started, or speaks another language, is refused with a reason', async () => {
  const cases: [content: string, message: RegExp, stateMs?: number][] = [
    ['#!/nowhere/at/all\n', /ended with code 12[67]; it last said: .*not found/],
    ['#!/bin/sh\necho hello\n', /answered what is no answer to digest: no JSON: “hello” \(during digest\)|wrote without being asked/],
    ['#!/bin/sh\nexit 0\n', /ended with code 0/],
    ['#!/bin/sh\nread -r line; echo \'{"id":1,"value":"ff"}\'; read -r line\n', /digest: 1 bytes, not 32/],
    ['#!/bin/sh\nread -r line; echo \'{"id":1,"value":"0x"}\'; read -r line\n', /digest: no lower-case hex/],
    ['#!/bin/sh\nsleep 1000\n', /did not answer within 300 ms/, 300],
  ]
  for (const [content, message, stateMs] of cases) {
    const file = copy(content)
    const error = await started(file, stateMs === undefined ? {} : { stateMs }).then(
      () => undefined,
      (reason: MusigError) => reason,
    )
    assert.is(error?.code, 'MACHINE_FAILED')
    assert.match(error?.message ?? '', message)
    await until('the end of the program', () => running(file).length === 0)
  }
})

/** Starts a process that holds a machine; resolves once it has printed a line. */
async function parentOf(file: string, text: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', PARENT, file, text], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    printed += part
  })
  await until('the call', () => printed.includes('calls\n'))
  return { child, printed: () => printed }
}

for (const text of ['hang', 'idle'])
  test(`a holder that is killed takes its program with it (${text})`, async () => {
    const file = copy()
    const { child } = await parentOf(file, text)
    await until('the program', () => running(file).length > 1)
    child.kill('SIGKILL')
    await until('the end of the program', () => running(file).length === 0)
    await until('the end of what it started', () => running('sleep 1000').every((line) => !line.startsWith('/bin/sleep')))
  })

test('a holder that was stopped by a signal for longer than an answer may take goes on with the answer', async () => {
  const { child, printed } = await parentOf(copy(), 'late')
  child.kill('SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 3000))
  child.kill('SIGCONT')
  await until('the receipt', () => printed().includes('receipt'))
  assert.match(printed(), /receipt {"ok":true,"result":"late"}/)
  child.kill('SIGKILL')
})

test('the largest receipt has room in a line', () => {
  assert.ok(PROGRAM_LIMITS.lineBytes > 1024 * 1024)
})

test.run()
