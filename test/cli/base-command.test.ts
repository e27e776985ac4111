/** What all commands share, seen from outside: two small commands in test/fixtures/cli are run as processes. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Errors } from '@oclif/core'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { failureOf } from '../../src/lib/cli/base-command.js'

const entry = fileURLToPath(new URL('../fixtures/cli/run.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'musig-cli-'))
const home = join(folder, 'home')
const env = { ...process.env, MUSIG_HOME: home, MUSIG_CLUSTER: '', DEBUG: '' }
const run = (args: string[], extra: Record<string, string> = {}) =>
  spawnSync(process.execPath, ['--import', 'tsx', entry, ...args], { encoding: 'utf8', env: { ...env, ...extra } })

test.after(() => rmSync(folder, { recursive: true, force: true }))

test('results on stdout, warnings and progress on stderr, plain in a pipe', () => {
  const { status, stdout, stderr } = run(['demo', 'show'])
  assert.is(status, 0)
  assert.is(stdout, 'name   count\nalice      1\nbob       22\ncarol      -\n')
  assert.is(stderr, 'Warning: careful now\nFirst\n')
  if (process.platform !== 'win32') assert.is(statSync(home).mode & 0o777, 0o700)
})

test('--json prints one document with schema 1 and nothing else; warnings stay on stderr; a check that said no exits 1', () => {
  const { status, stdout, stderr } = run(['demo', 'show', '--json', '--no', '--lines', '3', '--cluster', 'other'])
  assert.is(status, 1)
  assert.equal(JSON.parse(stdout), { schema: 1, cluster: 'other', home })
  assert.is(stderr, 'Warning: careful now\n')
})

test('an operating error is one line on stderr, with the exit code of its code', () => {
  const { status, stdout, stderr } = run(['demo', 'fail', '--with', 'TIMED_OUT'])
  assert.is(status, 3)
  assert.is(stdout, '')
  assert.is(stderr, 'Error: it went wrong as it was told\n')
})

test('with --json the error is a document on stdout', () => {
  const { status, stdout, stderr } = run(['demo', 'fail', '--with', 'CHECK_FAILED', '--json'])
  assert.is(status, 1)
  assert.equal(JSON.parse(stdout), { schema: 1, error: { code: 'CHECK_FAILED', message: 'it went wrong as it was told' } })
  assert.is(stderr, '')
})

test('wrong flags exit 2', () => {
  const { status, stderr } = run(['demo', 'fail'])
  assert.is(status, 2)
  assert.is(stderr, 'Error: Missing required flag --with (see --help)\n')
})

test('a bug of ours exits 4, with a stack only where DEBUG asks for it', () => {
  const { status, stderr } = run(['demo', 'fail', '--with', 'bug'])
  assert.is(status, 4)
  assert.is(stderr, 'Error: internal error: x is not a function (DEBUG=musig* shows where)\n')
  assert.match(run(['demo', 'fail', '--with', 'bug'], { DEBUG: 'musig*' }).stderr, /at Fail\.run/)
})

test('an unknown command says what was probably meant and exits 2 at once', () => {
  const { status, stdout, stderr } = run(['demo', 'shwo'])
  assert.is(status, 2)
  assert.is(stdout, '')
  assert.is(stderr, 'Error: no command fixture demo shwo: did you mean fixture demo show?\n')
  const json = run(['demo', 'nothing', '--json'])
  assert.is(json.status, 2)
  assert.equal(JSON.parse(json.stdout), {
    schema: 1,
    error: { code: 'BAD_INPUT', message: 'no command fixture demo nothing: fixture demo --help lists what there is' },
  })
})

test('Ctrl-C lets the work clean up and exits 130', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', entry, 'demo', 'show', '--wait'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    if (text.includes('waiting')) child.kill('SIGINT')
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.is(code, 130)
  assert.match(stderr, /cleaned up\nStopped\.\n$/)
})

test('a reader that has seen enough is no error', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', entry, 'demo', 'show', '--lines', '200000'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.is(code, 0)
  assert.is(stderr, 'Warning: careful now\nFirst\n')
})

test('what the parser refuses is said in one line, with the flag and the value', () => {
  const saysOf = (message: string) => failureOf(new Errors.CLIError(message)).message
  assert.is(
    saysOf('Parsing --count \n\tExpected an integer but received: abc\nSee more help with --help'),
    '--count: expected an integer but received: abc (see --help)',
  )
  const missing =
    'Missing 2 required args:\nto      The account it goes to.\namount  How much.\n\nNote: --proof allows it.\nSee more help with --help'
  assert.is(saysOf(missing), 'Missing 2 required args: to, amount (see --help)')
  const own = new MusigError('BAD_INPUT', 'Parsing --from \n\t“x” is no signer or peer\nSee more help with --help')
  assert.is(failureOf(own).message, '--from: “x” is no signer or peer (see --help)')
  const flags = 'The following errors occurred:\n  Missing required flag api\n  Missing required flag store\nSee more help with --help'
  assert.is(saysOf(flags), 'Missing required flags --api, --store (see --help)')
  const both = 'The following errors occurred:\n  Parsing --from \n\tx is no signer\n  Missing required flag api\nSee more help with --help'
  assert.is(saysOf(both), '--from: x is no signer Missing required flag --api (see --help)')
  assert.is(saysOf('Missing 1 required arg:\nid  Which.\nSee more help with --help'), 'Missing 1 required arg: id (see --help)')
})

test('what an error quotes does not steer the terminal', () => {
  assert.is(failureOf(new MusigError('BAD_INPUT', 'it is \u001b[31mred')).message, 'it is \u{fffd}[31mred')
})

test('each kind of error has its exit code', () => {
  assert.is(failureOf(new MusigError('BAD_INPUT', 'x')).exitCode, 2)
  assert.is(failureOf(new MusigError('UNREACHABLE', 'x')).exitCode, 3)
  assert.is(failureOf(new MusigError('REJECTED', 'x')).exitCode, 1)
  assert.equal(failureOf('text'), { code: 'INTERNAL', message: 'internal error: text (DEBUG=musig* shows where)', exitCode: 4 })
})

test.run()
