/** `--sink`: what is read of it, what is refused, and that no secret stands on a command line or is repeated. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromJson } from '../../../src/lib/base/codec.js'
import { MusigError } from '../../../src/lib/base/errors.js'
import { postgresSettings } from '../../../src/lib/node/sinks/postgres-settings.js'
import { placedSinks, readSinks, type SinkSpec, sinksCodec } from '../../../src/lib/node/sinks/sink-spec.js'

const test = suite('sink specs')
const folder = mkdtempSync(join(tmpdir(), 'musig-spec-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

const PG = ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE', 'PGPASSWORD']
test.before.each(() => {
  for (const name of PG) delete process.env[name]
})

function file(name: string, content: string, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

async function one(text: string): Promise<SinkSpec> {
  const [spec] = await readSinks([text])
  if (!spec) throw new Error('one sink')
  return spec
}

async function refused(texts: string[], words: RegExp): Promise<void> {
  try {
    await readSinks(texts)
  } catch (error) {
    assert.instance(error, MusigError)
    assert.match((error as Error).message, words)
    assert.not.match((error as Error).message, /s3cret/)
    assert.is((error as MusigError).exitCode, 2)
    return
  }
  assert.unreachable(texts.join())
}

test('each kind, with its options', async () => {
  assert.equal(await one('jsonl:out/executed.jsonl'), {
    type: 'jsonl',
    name: 'jsonl',
    target: resolve('out/executed.jsonl'),
    path: resolve('out/executed.jsonl'),
  })
  const given = { type: 'given' as const, url: 'postgres://app@db.example:5433/app' }
  const postgres = { type: 'postgres', name: 'postgres', target: 'db.example:5433/app musig_*', url: given, passwordFile: undefined, prefix: 'musig' }
  for (const text of ['postgres://app@db.example:5433/app', 'postgres:postgres://app@db.example:5433/app']) assert.equal(await one(text), postgres)
  assert.equal((await one('postgresql://app@db.example:5433/app')).target, postgres.target)
  const password = file('password', 's3cret\n')
  assert.equal(await one(`postgres://app@db.example:5433/app,prefix=audit_2,name=audit,password-file=${password}`), {
    ...postgres,
    name: 'audit',
    prefix: 'audit_2',
    passwordFile: password,
    target: 'db.example:5433/app audit_2_*',
  })
  const secretFile = file('secret', 's3cret s3cret s3cret s3cret')
  assert.equal(await one(`webhook:https://hooks.example/path/s3cret?token=s3cret,secret-file=${secretFile}`), {
    type: 'webhook',
    name: 'webhook',
    target: 'https://hooks.example',
    url: { type: 'given', url: 'https://hooks.example/path/s3cret?token=s3cret' },
    secretFile,
    plain: false,
  })
  for (const origin of ['http://localhost:8080', 'http://127.0.0.1', 'http://[::1]:1'])
    assert.is((await one(`webhook:${origin}/hook`)).target, origin)
  assert.is((await one('webhook:http://billing.internal/hook,plain=yes')).target, 'http://billing.internal')
})

test('placed: what names a file names it from any folder', async () => {
  file('pw', 'x')
  file('url', 'postgres://app:x@db.example/app')
  const here = process.cwd()
  process.chdir(folder)
  try {
    const given = ['jsonl:a.jsonl,name=a', 'postgresql://h/d,prefix=p,password-file=pw', 'postgres:@url,name=b', 'webhook:https://h/x,plain=no']
    const placed = [
      `jsonl:${resolve('a.jsonl')},name=a`,
      `postgres:postgresql://h/d,password-file=${resolve('pw')},prefix=p`,
      `postgres:@${resolve('url')},name=b`,
      given[3],
    ]
    assert.equal(await placedSinks(given), placed)
    assert.equal(await readSinks(await placedSinks(given)), await readSinks(placed.flatMap((text) => text ?? [])))
  } finally {
    process.chdir(here)
  }
})

test('a URL in a file may hold what a command line may not', async () => {
  const spec = await one(`postgres:@${file('url', 'postgres://app:s3cret@db.example/app\n')}`)
  assert.is(spec.target, 'db.example:5432/app musig_*')
  assert.not.match(JSON.stringify(spec), /s3cret/)
  assert.is(
    (await one(`postgres:@${file('marked', '\ufeffpostgres://app:s3cret@db.example/app\r\n')}`)).target,
    spec.target,
    'as some editors begin a file',
  )
  assert.is((await one(`webhook:@${file('hook', 'https://user:s3cret@hooks.example/s3cret')}`)).target, 'https://hooks.example')
  await refused(['postgres://app:s3cret@db.example/app'], /has credentials in it.*give --sink postgres:@FILE/)
  await refused(['webhook:https://s3cret@hooks.example/'], /has credentials in it.*give --sink webhook:@FILE/)
  await refused([`postgres:@${file('open', 'postgres://app:s3cret@db.example/app', 0o644)}`], /is open to others/)
  await refused([`webhook:@${join(folder, 'nowhere')}`], /does not exist/)
  await refused([`postgres:@${file('wrong', 's3cret')}`], /wrong is not of the form postgres:/)
})

test('what is wrong is said, with what there is', async () => {
  await refused(['kafka:topic'], /“kafka” is no kind of sink; there are jsonl:FILE, postgres:URL or webhook:URL/)
  await refused(['jsonl:'], /the sink “jsonl:” names nothing/)
  await refused(['webhook:ftp://x/'], /is not of the form https:/)
  await refused(['webhook:https://x/#s3cret'], /behind “#”/)
  await refused(['webhook:http://other.example/'], /is http:\/\/ on another machine.*plain=yes/)
  await refused(['webhook:https://x/,plain=maybe'], /plain= is neither yes nor no/)
  await refused(['jsonl:x,prefix=y'], /a jsonl sink has no option “prefix”; there are name/)
  await refused(['webhook:https://x/,name=a,name=b'], /the option “name” of a webhook sink stands twice/)
  await refused(['jsonl:x,name=../y'], /is no name of a sink/)
  await refused(['postgres://h/d,prefix=A"'], /is no prefix of tables/)
  await refused(['postgres://h/d?sslmode=prefer'], /sslmode=prefer; there are disable, require, verify-full/)
  await refused(['webhook:http://127.example.com/'], /is http:\/\/ on another machine/)
  await refused(['postgres://h/d?sslmode=require&sslrootcert=/ca'], /by which sslmode=require checks nothing; give sslmode=verify-full/)
  await refused(['postgres://localhost/d?sslrootcert=/ca'], /by which sslmode=disable checks nothing; give sslmode=verify-full/)
  await refused(['postgres://h/d?password=s3cret'], /unknown parameter “password”/)
  await refused(['postgres://h/d?sslmode=verify-full&sslrootcert=/nowhere'], /\/nowhere, the sslrootcert/)
  await refused([`webhook:https://x/,secret-file=${join(folder, 'nowhere')}`], /does not exist/)
  // However long it is, a line is said.
  const long = 'x'.repeat(10_000)
  for (const text of [`${long}:y`, `jsonl:x,name=${long}`, `postgres://h/d,prefix=${long}`, `postgres://h/d?sslmode=${long}`])
    await refused([text], /^.{20,300}$/)
  await refused(['jsonl:a', 'jsonl:b'], /two sinks are named “jsonl”/)
  assert.is((await readSinks(['jsonl:a', 'jsonl:b,name=b'])).length, 2)
})

test('what is wrong is refused before it is placed anywhere, and a file names so many sinks of such a length at most', async () => {
  try {
    await placedSinks(['jsonl:x', 'webhook:ftp://x/'])
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /is not of the form https:/)
  }
  const read = (texts: string[]) => fromJson(sinksCodec, texts, 'sinks')
  assert.is(read(Array.from({ length: 16 }, () => 'x'.repeat(4096))).length, 16)
  for (const texts of [Array.from({ length: 17 }, () => 'x'), ['x'.repeat(4097)], ['']]) assert.throws(() => read(texts), /sinks/)
})

test('where a postgres sink connects: the URL, then the environment; TLS unless it is this machine or says otherwise', async () => {
  const settings = (url: string) => postgresSettings({ url: { type: 'given', url }, passwordFile: undefined })
  assert.equal(await settings('postgres://'), {
    host: 'localhost',
    port: 5432,
    user: undefined,
    database: undefined,
    password: undefined,
    ssl: false,
  })
  assert.equal((await settings('postgres://db.example/app')).ssl, { rejectUnauthorized: true })
  assert.equal([(await settings('postgres://a%40b@h/d')).user, (await settings('postgres://100%@h/d')).user], ['a@b', '100%'])
  assert.equal((await settings('postgres://db.example/app?sslmode=disable')).ssl, false)
  for (const host of ['127.db.example', 'localhost.example', '[::2]', '10.127.0.1'])
    assert.equal((await settings(`postgres://${host}/app`)).ssl, { rejectUnauthorized: true }, host)
  for (const host of ['127.1.2.3', '[::1]', 'localhost']) assert.is((await settings(`postgres://${host}/app`)).ssl, false, host)
  assert.equal((await settings('postgres://127.0.0.1/app?sslmode=require')).ssl, { rejectUnauthorized: false })
  const ca = file('ca.pem', 'a certificate')
  assert.equal((await settings(`postgres://db.example/app?sslrootcert=${ca}`)).ssl, { ca: 'a certificate', rejectUnauthorized: true })
  assert.equal((await settings('postgres:///app?host=/run/postgresql')).host, '/run/postgresql')
  assert.equal((await settings('postgres://[::1]:6000/app')).host, '::1')
  Object.assign(process.env, { PGHOST: 'db.example', PGPORT: '6543', PGUSER: 'app', PGDATABASE: 'data', PGPASSWORD: 'p' })
  assert.equal(await settings('postgres://'), {
    host: 'db.example',
    port: 6543,
    user: 'app',
    database: 'data',
    password: 'p',
    ssl: { rejectUnauthorized: true },
  })
})

test.run()
