// time limit: 300 s
/** The local cluster as a user has it, through the built command line: up, hurt, down, up again, away; and what is refused. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/lib/base/bytes.js'
import type { ClusterRecord } from '../../src/lib/cluster/cluster-folder.js'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { Client } from '../../src/lib/node/client.js'
import { beginOf } from '../../src/lib/node/lock-file.js'
import { Bench, jsonOf, type Outcome } from '../commands/musig.js'

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const bench = new Bench()
const clusterFolder = (name = 'default') => join(bench.home, 'clusters', name)
const cluster = (...args: string[]) => bench.musig(['cluster', ...args, '--json'])

test.after(async () => {
  for (const name of existsSync(join(bench.home, 'clusters')) ? readdirSync(join(bench.home, 'clusters')) : []) await cluster('rm', '--cluster', name)
  bench.remove()
})

function done(outcome: Outcome): Record<string, unknown> {
  assert.is(outcome.code, 0, outcome.stderr + outcome.stdout)
  return jsonOf(outcome)
}

function refused(args: string[], exitCode: number, code: string, reason: RegExp): Promise<void> {
  return bench.refused(['cluster', ...args], exitCode, code, reason)
}

async function statusOf(name = 'default'): Promise<ClusterStatus> {
  return done(await cluster('status', '--cluster', name)) as unknown as ClusterStatus
}

function recordOf(name = 'default'): ClusterRecord {
  return JSON.parse(readFileSync(join(clusterFolder(name), 'cluster.json'), 'utf8'))
}

/** Whether a process runs; one that has ended and was not collected does not. */
function runs(pid: number | null): boolean {
  try {
    process.kill(pid ?? -1, 0)
    return !existsSync('/proc/self/stat') || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Puts a document through any signer. */
async function put(id: string, to?: number): Promise<string> {
  const client = new Client({ clusterFile: join(clusterFolder(), 'cluster.json') })
  try {
    const payload = utf8(JSON.stringify({ op: 'put', id, document: { by: 'test' } }))
    const result = await client.submit({ deps: [`doc:${id}`], payload, client: null, nonce: randomBytes(8), expiry: null, signature: null }, { to })
    assert.is(result.status, 'executed')
    assert.equal(result.receipt?.ok, true)
    return result.txId
  } finally {
    client.close()
  }
}

test('up, twice, kill, submit, restart, down, up again with the same keys, ports and state', async () => {
  const up = done(await cluster('up', '-n', '5', '--machine', 'documents')) as unknown as ClusterStatus & { created: boolean; started: number }
  assert.is(up.created, true)
  assert.is(up.started, 5)
  assert.is(up.ready, true)
  assert.equal([up.n, up.quorum, up.crashBound, up.asyncByzantineBound, up.syncByzantineBound], [5, 4, 1, 0, 2])
  assert.ok(up.signers.every(({ state, pid }) => state === 'ready' && runs(pid)))

  const again = done(await cluster('up'))
  assert.equal([again['created'], again['started']], [false, 0])

  const victim = up.signers[1]?.pid ?? 0
  assert.equal(done(await cluster('kill', '1')), { schema: 1, cluster: 'default', signers: [1], peers: [], pid: victim })
  assert.not.ok(runs(victim))
  await refused(['kill', '1'], 2, 'BAD_INPUT', /signer 1 does not run/)
  const txId = await put('a', 0)
  const hurt = await statusOf()
  assert.equal(
    hurt.signers.map(({ state }) => state),
    ['ready', 'down', 'ready', 'ready', 'ready'],
  )
  assert.is(hurt.ready, true)

  done(await cluster('restart', '1'))
  const healed = await statusOf()
  assert.is(healed.signers[1]?.state, 'ready')
  await put('b', 1)
  const logs = await bench.musig(['cluster', 'logs', '0', '--tx', txId.slice(0, 10)])
  assert.match(logs.stdout, new RegExp(`executed .*${txId}`))

  const pids = healed.signers.map(({ pid }) => pid)
  assert.is(done(await cluster('down'))['stopped'], 5)
  assert.not.ok(pids.some(runs))
  assert.is(done(await cluster('down'))['stopped'], 0)
  const down = await statusOf()
  assert.is(down.ready, false)
  assert.ok(down.signers.every(({ state, pid }) => state === 'down' && pid === null))

  const back = done(await cluster('up')) as unknown as ClusterStatus
  assert.equal(
    back.signers.map(({ publicKey, url }) => [publicKey, url]),
    up.signers.map(({ publicKey, url }) => [publicKey, url]),
  )
  const client = new Client({ clusterFile: join(clusterFolder(), 'cluster.json') })
  try {
    assert.is((await client.show(txId, { from: 0 })).status, 'executed')
  } finally {
    client.close()
  }
})

test('files are closed to others, and say what is what', () => {
  const record = recordOf()
  assert.is(record.n, 5)
  for (const path of ['cluster.json', 'token', record.signers[0]?.key ?? '']) assert.is(statSync(join(clusterFolder(), path)).mode & 0o777, 0o600)
  assert.is(JSON.parse(readFileSync(join(clusterFolder(), record.signers[0]?.key ?? ''), 'utf8')).insecure, true)
  assert.ok(record.signers.every(({ pid }) => runs(pid)))
})

test('other flags than those of the cluster that stands are refused', async () => {
  await refused(['up', '-n', '4'], 2, 'BAD_INPUT', /stands with -n 5, not 4/)
  await refused(['up', '--tolerance', '2/3'], 2, 'BAD_INPUT', /stands with --tolerance 1\/2/)
  await refused(['up', '--seed', 'x'], 2, 'BAD_INPUT', /not made from this --seed/)
  await refused(['up', '--pack', '5'], 2, 'BAD_INPUT', /runs with --pack 1/)
  assert.is(done(await cluster('up', '-n', '5', '--tolerance', '0.5', '--tree', 'random'))['started'], 0)
})

test('a number of a process that is another one by now is left alone; one that nobody wrote down is found', async () => {
  const record = recordOf()
  const orphan = record.signers[2]?.pid ?? 0
  const path = join(clusterFolder(), 'cluster.json')
  writeFileSync(path, JSON.stringify({ ...record, signers: record.signers.map((signer) => ({ ...signer, pid: process.pid })) }))
  writeFileSync(`${clusterFolder()}.lock`, JSON.stringify({ pid: process.pid, begun: 'long ago' }), { mode: 0o600 })
  assert.is((await statusOf()).signers[2]?.pid, orphan)
  assert.is(done(await cluster('down'))['stopped'], 5)
  assert.not.ok(runs(orphan))
  assert.not.ok(existsSync(`${clusterFolder()}.lock`))
})

test('a lock that is held keeps others out', async () => {
  writeFileSync(`${clusterFolder()}.lock`, JSON.stringify({ pid: process.pid, begun: await beginOf(process.pid) }), { mode: 0o600 })
  await refused(['down'], 3, 'BUSY', new RegExp(`is being changed by process ${process.pid}`))
  writeFileSync(`${clusterFolder()}.lock`, 'torn', { mode: 0o600 })
  done(await cluster('down'))
})

test('a port that was taken meanwhile is replaced, and that is said', async () => {
  const { url } = recordOf().signers[0] ?? { url: '' }
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(Number(new URL(url).port), '127.0.0.1', resolve))
  try {
    const outcome = await cluster('up')
    const { signers, ready } = done(outcome) as unknown as ClusterStatus
    assert.is(ready, true)
    assert.is.not(signers[0]?.url, url)
    assert.match(outcome.stderr, new RegExp(`Warning: ${url} is in use by another process; signer 0 now listens on ${signers[0]?.url}`))
  } finally {
    server.close()
  }
})

test('rm --dry-run tells and does nothing; down --purge removes everything', async () => {
  const { pid } = (await statusOf()).signers[0] ?? { pid: null }
  const dry = done(await cluster('rm', '--dry-run'))
  assert.is((dry['wouldStop'] as number[]).length, 5)
  assert.ok((dry['wouldRemove'] as string[]).includes('manifest.json'))
  assert.ok(runs(pid))
  assert.equal(
    (done(await cluster('list'))['clusters'] as { cluster: string; running: number }[]).map(({ cluster: name, running }) => [name, running]),
    [['default', 5]],
  )
  done(await cluster('down', '--purge'))
  assert.not.ok(runs(pid))
  assert.equal(readdirSync(join(bench.home, 'clusters')), [])
  await refused(['status'], 2, 'NOT_FOUND', /there is no cluster “default”; start one with: musig cluster up/)
  await refused(['down'], 2, 'NOT_FOUND', /there is no cluster/)
})

test('several signers in each process; a seed gives the same cluster again', async () => {
  const up = done(
    await cluster('up', '-n', '5', '--pack', '3', '--seed', 'a seed', '--regions', 'eu,us', '--tree', 'regional'),
  ) as unknown as ClusterStatus
  assert.is(new Set(up.signers.map(({ pid }) => pid)).size, 2)
  const manifest = JSON.parse(readFileSync(join(clusterFolder(), 'manifest.json'), 'utf8'))
  assert.equal(
    manifest.signers.map(({ region }: { region: string }) => region),
    ['eu', 'us', 'eu', 'us', 'eu'],
  )
  assert.equal(done(await cluster('kill', '4'))['signers'], [3, 4])
  assert.is((await statusOf()).ready, false)
  assert.is(done(await cluster('up', '--seed', 'a seed'))['started'], 2)
  done(await cluster('rm'))
  const once = done(
    await cluster('up', '-n', '5', '--pack', '5', '--seed', 'a seed', '--regions', 'eu,us', '--tree', 'regional'),
  ) as unknown as ClusterStatus
  assert.is(once.id, up.id)
  assert.equal(readFileSync(join(clusterFolder(), 'manifest.json'), 'utf8'), `${JSON.stringify(manifest, null, 2)}\n`)
  done(await cluster('rm'))
})

test('Ctrl-C while it starts leaves no process and no folder', async () => {
  const child = spawn(process.execPath, [BIN, 'cluster', 'up', '-n', '5'], {
    env: { ...process.env, MUSIG_HOME: bench.home },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let pids: number[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (!text.includes('Ready')) return
    pids = recordOf().signers.flatMap(({ pid }) => pid ?? [])
    child.kill('SIGINT')
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  assert.is(code, 130)
  assert.is(pids.length, 5)
  assert.not.ok(pids.some(runs))
  assert.equal(readdirSync(join(bench.home, 'clusters')), [])
})

test('--foreground stays, and Ctrl-C stops everything and keeps the data', async () => {
  const child = spawn(process.execPath, [BIN, 'cluster', 'up', '-n', '1', '--foreground'], {
    env: { ...process.env, MUSIG_HOME: bench.home },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let pid: number | null = null
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (!text.includes('Ctrl-C')) return
    pid = recordOf().signers[0]?.pid ?? null
    assert.ok(runs(pid))
    child.kill('SIGINT')
  })
  assert.is(await new Promise((resolve) => child.on('close', resolve)), 0)
  assert.type(pid, 'number')
  assert.not.ok(runs(pid))
})

test('a signer that cannot start is named, with its log, and the others are stopped', async () => {
  const { signers } = recordOf()
  writeFileSync(join(clusterFolder(), signers[0]?.key ?? ''), '{}', { mode: 0o600 })
  const outcome = await cluster('up')
  assert.is(outcome.code, 3)
  assert.match(outcome.stderr, /Error: .*key\.json/)
  assert.match((jsonOf(outcome)['error'] as { message: string }).message, /^signer 0 ended while it started: .*key\.json.*; its log is .*0\.log$/)
  assert.ok((await statusOf()).signers.every(({ state }) => state === 'down'))
  done(await cluster('rm'))
})

test('wrong input is refused in one line and leaves nothing behind', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const busy = (server.address() as { port: number }).port
  try {
    await refused(['up', '--base-port', String(busy)], 2, 'BAD_INPUT', new RegExp(`port ${busy} is in use`))
  } finally {
    server.close()
  }
  await Promise.all([
    refused(['up', '-n', '0'], 2, 'BAD_INPUT', /greater than or equal to 1/),
    refused(['up', '--tolerance', '1/3', '--cluster', 'a'], 2, 'BAD_INPUT', /1\/3 is below 1\/2/),
    refused(['up', '--tolerance', '1', '--cluster', 'b'], 2, 'BAD_INPUT', /“1”/),
    refused(['up', '--delta', '60001'], 2, 'BAD_INPUT', /60000/),
    refused(['up', '--peers', '65'], 2, 'BAD_INPUT', /less than or equal to 64/),
    refused(['up', '--confirm', '2', '--cluster', 'd'], 2, 'BAD_INPUT', /--confirm 2 is for peers; say how many with --peers K/),
    refused(['up', '--peers', '1', '--confirm', '5', '--cluster', 'e'], 2, 'BAD_INPUT', /more than the quorum of 4/),
  ])
  await Promise.all([
    refused(['up', '--byzantine', '0:mute'], 2, 'BAD_INPUT', /there is no lie “mute”; there are silent, withhold, /),
    refused(['up', '--cluster', 'none', '--machine', './mine.js'], 2, 'NOT_FOUND', /mine\.js does not exist/),
    refused(['up', '--cluster', 'none', '--machine', 'ledgr'], 2, 'BAD_INPUT', /neither ledger nor documents nor append nor a file that is there/),
    refused(['up', '--regions', 'eu,,us'], 2, 'BAD_INPUT', /no name of a region/),
    refused(['up', '--cluster', '../elsewhere'], 2, 'BAD_INPUT', /no name for a cluster/),
    refused(['up', '--base-port', '65535', '--cluster', 'c'], 2, 'BAD_INPUT', /the highest is 65535/),
  ])
  assert.equal(readdirSync(join(bench.home, 'clusters')), [])
})

test.run()
