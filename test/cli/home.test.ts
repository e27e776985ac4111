/** The state folder, and passphrase files: nobody else may read them. */
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { homePath, privateFolder } from '../../src/lib/cli/home.js'
import { readInput, readJsonInput } from '../../src/lib/cli/input.js'
import { readPassphrase } from '../../src/lib/cli/prompt.js'
import { skipped } from '../skip.js'

const folder = mkdtempSync(join(tmpdir(), 'musig-home-'))
const refused = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof MusigError && error.code === code && message.test(error.message)

async function rejects(work: Promise<unknown>, code: string, message: RegExp) {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(refused(code, message)(error), String(error))
}

function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

test.after(() => rmSync(folder, { recursive: true, force: true }))

test('--home comes before the data folder, and an empty one counts as none', () => {
  assert.is(homePath('here', '/data'), resolve('here'))
  assert.is(homePath(undefined, '/data'), resolve('/data'))
  assert.is(homePath('', '/data'), resolve('/data'))
})

test('a file in place of the folder is refused', () => {
  assert.throws(() => privateFolder(file('plain', '')), refused('BAD_INPUT', /cannot make the folder .*plain/))
})

if (process.platform !== 'linux') skipped(1, 'no /proc here')
else
  test('a folder where none can be made is refused, and does not hang', () => {
    assert.throws(() => privateFolder('/proc/musig/home'), refused('BAD_INPUT', /cannot make the folder \/proc\/musig/))
  })

if (process.platform === 'win32') skipped(2, 'no file modes here')
else {
  test('the folder is made for its owner alone; one that is open to others is refused', () => {
    const path = privateFolder(join(folder, 'a', 'b'))
    assert.is(statSync(path).mode & 0o777, 0o700)
    chmodSync(path, 0o755)
    assert.throws(() => privateFolder(path), refused('BAD_INPUT', /open to others \(mode 755\): run chmod 700 /))
  })

  test('a passphrase file that is open to others is refused', async () => {
    await rejects(readPassphrase({ file: file('loose', 'secret', 0o644), question: '?' }), 'BAD_INPUT', /open to others \(mode 644\): run chmod 600 /)
  })
}

test('the passphrase is the first line of its file', async () => {
  assert.is(await readPassphrase({ file: file('pass', 'two words \r\nmore\n'), question: '?' }), 'two words ')
  await rejects(readPassphrase({ file: file('empty', '\n'), question: '?' }), 'BAD_INPUT', /is empty/)
  await rejects(readPassphrase({ file: join(folder, 'none'), question: '?' }), 'NOT_FOUND', /no such passphrase file/)
})

test('MUSIG_PASSPHRASE_FILE does as well; without either and without a terminal the error says what to give', async () => {
  const before = process.env['MUSIG_PASSPHRASE_FILE']
  try {
    process.env['MUSIG_PASSPHRASE_FILE'] = file('from-env', 'secret\n')
    assert.is(await readPassphrase({ question: '?' }), 'secret')
    delete process.env['MUSIG_PASSPHRASE_FILE']
    if (process.stdin.isTTY) skipped(1, 'stdin is a terminal')
    else await rejects(readPassphrase({ question: '?' }), 'BAD_INPUT', /give --passphrase-file or set MUSIG_PASSPHRASE_FILE/)
  } finally {
    if (before !== undefined) process.env['MUSIG_PASSPHRASE_FILE'] = before
  }
})

test('input files: bytes, JSON, and one line for what cannot be read', async () => {
  assert.equal(await readJsonInput(file('x.json', '{"a": 1}')), { a: 1 })
  assert.is((await readInput(file('bytes', 'abc'))).length, 3)
  await rejects(readJsonInput(file('bad.json', '{')), 'BAD_INPUT', /bad\.json is not JSON/)
  await rejects(readInput(join(folder, 'missing')), 'BAD_INPUT', /cannot read .*missing: no such file or directory/)
  await rejects(readInput(folder), 'BAD_INPUT', /illegal operation on a directory/)
})

test.run()
