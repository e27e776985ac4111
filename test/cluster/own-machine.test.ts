// time limit: 300 s
/** Clusters whose signers run a user's machine, a module and a program: it goes with the cluster, and a program that fails takes its signer with it and nothing else. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { LiveCluster } from '../commands/live-cluster.js'
import { until } from '../until.js'

const MODULE = `
import { createHash } from 'node:crypto'
let texts = []
export default class {
  check({ payload }) { return payload.length > 0 ? undefined : 'an empty payload' }
  apply({ payload }, { heights }) {
    const text = Buffer.from(payload).toString()
    if (text === 'throw') throw new Error('as was asked')
    texts.push(text)
    return { ok: true, result: { count: texts.length, height: heights.get('list') } }
  }
  query(path) { return path === 'texts' ? texts : undefined }
  digest() { return createHash('sha256').update(JSON.stringify(texts)).digest() }
  snapshot() { return Buffer.from(JSON.stringify(texts)) }
  restore(snapshot) { texts = JSON.parse(Buffer.from(snapshot).toString()) }
}
`

const bench = new LiveCluster()
const file = bench.file('list.js', MODULE)
const program = bench.file('obeys', readFileSync(fileURLToPath(new URL('../fixtures/machine/obeys', import.meta.url)), 'utf8'), 0o700)
const cluster = (...args: string[]) => bench.document(['cluster', ...args])
const submit = (text: string, ...more: string[]) => bench.musig(['tx', 'submit', text, '--deps', 'list', '--json', ...more])
const status = async () => (await cluster('status')) as unknown as ClusterStatus
const receiptOf = (stdout: string) => JSON.parse(stdout).receipt

test.after(() => bench.end())

/** The processes whose command line holds this text. */
function running(text: string): string[] {
  const lines = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n')
  return lines.filter((line) => line.includes(text) && !line.includes('ps -A'))
}

test('a module: four signers in two processes run it, each with variables of its own', async () => {
  await cluster('up', '-n', '4', '--pack', '2', '--machine', file)
  assert.equal(receiptOf((await submit('one')).stdout), { ok: true, result: { count: 1, height: 1 } })
  assert.equal(receiptOf((await submit('two')).stdout), { ok: true, result: { count: 2, height: 2 } })
  const rejected = await submit('')
  assert.is(rejected.code, 1)
  assert.match(rejected.stdout, /an empty payload/)
  assert.equal((await bench.document(['query', 'texts']))['value'], ['one', 'two'])
  await until('equal digests', async () => new Set((await status()).signers.map(({ machineDigest }) => machineDigest)).size === 1)
})

test('what it throws is a receipt, and no signer stops', async () => {
  const { code, stdout } = await submit('throw')
  assert.is(code, 1)
  assert.equal(receiptOf(stdout), { ok: false, reason: 'the state machine failed' })
  const { ready } = await status()
  assert.ok(ready)
  const log = readFileSync(join(bench.home, 'clusters/default/logs/0-1.log'), 'utf8')
  assert.match(log, /as was asked/)
})

test('the cluster keeps the file, and takes no other', async () => {
  await cluster('down')
  writeFileSync(file, `${MODULE}// changed\n`)
  await bench.refused(
    ['cluster', 'up', '--machine', file],
    2,
    'BAD_INPUT',
    /runs another state machine, sha256:[0-9a-f]{12}, than .*list\.js, sha256:[0-9a-f]{12}/,
  )
  await bench.refused(['cluster', 'up', '--machine', 'ledger'], 2, 'BAD_INPUT', /stands with --machine sha256:/)
  writeFileSync(file, 'export default 1')
  await cluster('up')
  assert.equal((await bench.document(['query', 'texts']))['value'], ['one', 'two'])
  writeFileSync(file, MODULE)
  assert.is((await cluster('up', '--machine', file))['started'], 0)
  await cluster('rm')
})

test('a file that is no machine makes no cluster', async () => {
  const bad = bench.file('bad.js', 'export default class { check() {} }')
  await bench.refused(['cluster', 'up', '--machine', bad], 2, 'BAD_INPUT', /has no method “apply”/)
  const mute = bench.file('mute', '#!/bin/sh\nexit 1\n', 0o700)
  await bench.refused(['cluster', 'up', '--machine', mute], 2, 'BAD_INPUT', /ended with code 1/)
  assert.not.ok(existsSync(join(bench.home, 'clusters/default')))
})

test('a program: a signer that is killed takes it along, a program that is killed its signer, and both come back with their state', async () => {
  await cluster('up', '-n', '5', '--machine', program)
  const copy = join(bench.home, 'clusters/default/machine/obeys')
  assert.ok(existsSync(copy))
  assert.ok((await submit('one')).code === 0)
  assert.is(running(`node ${copy}`).length, 5)
  await cluster('kill', '0')
  await until('the end of the program of signer 0', () => running(`node ${copy}`).length === 4)
  await cluster('restart', '0')

  const { signers } = await status()
  const victim = signers[1]?.pid
  const [child] = execFileSync('pgrep', ['-P', String(victim)], { encoding: 'utf8' })
    .trim()
    .split('\n')
  execFileSync('kill', ['-9', String(child)])
  await until('the end of signer 1', async () => (await status()).signers[1]?.state === 'down')
  const log = readFileSync(join(bench.home, 'clusters/default/logs/1.log'), 'utf8').trim().split('\n')
  const last = JSON.parse(log.at(-1) ?? '')
  assert.is(last.code, 'MACHINE_FAILED')
  assert.match(last.msg, /^the state machine .*\/machine\/obeys was ended by SIGKILL$/)
  assert.ok((await submit('two', '--to', '2')).code === 0)
  await cluster('restart', '1')
  await until('equal digests', async () => new Set((await status()).signers.map(({ machineDigest }) => machineDigest)).size === 1)
})

test('a transaction on which the program dies ends each signer that executes it, without a receipt, and nothing runs on', async () => {
  // Who executes it is gone before all others have the certificate: with it they go too, without it they wait for a quorum.
  const { code, stdout } = await submit('die loudly', '--to', '0', '--timeout', '5000')
  assert.is.not(code, 0)
  assert.not.match(stdout, /receipt/)
  await until('the end of signer 0', async () => (await status()).signers[0]?.state === 'down')
  const log = readFileSync(join(bench.home, 'clusters/default/logs/0.log'), 'utf8')
  assert.match(log, /"machine":"the last words"/)
  assert.match(log.trim().split('\n').at(-1) ?? '', /was ended by SIGTERM; it last said: the last words \(during apply of transaction [0-9a-f]{64}\)/)
  const copy = join(bench.home, 'clusters/default/machine/obeys')
  await until(
    'a program for each signer',
    async () => running(`node ${copy}`).length === (await status()).signers.filter(({ pid }) => pid !== null).length,
  )
})

test.run()
