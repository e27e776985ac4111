/** The sink jsonl: the compliance suite, a file torn at every byte, and files that are not its own. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../../src/lib/base/prng.js'
import { takeLock } from '../../../src/lib/node/lock-file.js'
import { JsonlSink } from '../../../src/lib/node/sinks/jsonl.js'
import { UNSYNCED_BYTES } from '../../../src/lib/node/sinks/jsonl-tail.js'
import type { SinkRecord } from '../../../src/lib/node/sinks/sink.js'
import { until } from '../../until.js'
import { batchOf, CLUSTER_ID, history, reordered, TestNode, transaction } from './history.js'
import { assertFollows, caughtUp, feedOf, sinkCompliance } from './sink-compliance.js'

const test = suite('jsonl')
const CLUSTER = { clusterId: CLUSTER_ID, cluster: 'test' }

const folder = mkdtempSync(join(tmpdir(), 'musig-jsonl-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const fresh = (): string => join(folder, `${files++}.jsonl`)
const sinkAt = (path: string) => new JsonlSink(path, CLUSTER)

function read(path: string): SinkRecord[] {
  const [, ...lines] = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line))
}

sinkCompliance(test, 'jsonl', {
  fresh: async () => fresh(),
  open: sinkAt,
  read: async (path: string) => read(path),
  merges: true,
  locks: true,
})

async function fed(path: string, node: TestNode): Promise<void> {
  const feed = feedOf(sinkAt(path), node)
  await caughtUp(feed)
  await feed.stop(2000)
}

test('the first line names the cluster, each other one is a transaction; nobody else may read it', async () => {
  const path = fresh()
  const payload = new TextEncoder().encode('{"to":"bob"}')
  const one = { ...transaction(['acct:alice', 'acct:bob'], payload), client: new Uint8Array(32).fill(7) }
  const batch = batchOf([one, transaction([], Uint8Array.of(0, 255))])
  const node = new TestNode().execute([batch])
  await fed(path, node)
  const [header, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n')
  assert.equal(JSON.parse(header ?? ''), { schema: 1, type: 'musig-executed', ...CLUSTER })
  const [first, second] = lines.map((line) => JSON.parse(line) as SinkRecord)
  assert.equal(first, {
    schema: 1,
    index: 0,
    txId: node.log.idAt(0),
    batchId: batch.id,
    indexInBatch: 0,
    position: { 'acct:alice': 1, 'acct:bob': 1 },
    keys: ['acct:alice', 'acct:bob'],
    client: '07'.repeat(32),
    payload: Buffer.from(payload).toString('hex'),
    json: { to: 'bob' },
    receipt: { ok: true, result: 0 },
    path: 'slow',
    ballot: 2,
    time: 1_700_000_000,
    logDigest: first?.logDigest,
  })
  assert.match(first?.logDigest ?? '', /^[0-9a-f]{64}$/)
  assert.equal([second?.payload, second?.json, second?.position, second?.indexInBatch], ['00ff', undefined, {}, 1])
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.not(existsSync(`${path}.lock`))
})

test('a line that is longer than what is read of the end at first is found all the same', async () => {
  const path = fresh()
  const node = new TestNode().execute([batchOf([transaction(['acct:a'], new Uint8Array())])])
  await fed(path, node)
  const [header, line] = readFileSync(path, 'utf8').split('\n')
  const long = JSON.stringify({ ...JSON.parse(line ?? ''), payload: 'ab'.repeat(2 * UNSYNCED_BYTES) })
  writeFileSync(path, `${header}\n${long}\n`)
  const sink = sinkAt(path)
  assert.equal(await sink.open(), { count: 1, logDigest: JSON.parse(long).logDigest })
  await sink.close()
  assert.is(readFileSync(path, 'utf8').length, `${header}\n${long}\n`.length)
})

test('a key with a line separator of Unicode ends no line', async () => {
  const path = fresh()
  const key = 'acct:\u2028'
  await fed(path, new TestNode().execute([batchOf([transaction([key], new Uint8Array())]), batchOf([transaction(['acct:b'], new Uint8Array())])]))
  const sink = sinkAt(path)
  await sink.open()
  const positions: unknown[] = []
  for await (const page of sink.held()) positions.push(...page.map(({ position }) => position))
  await sink.close()
  assert.equal(positions, [{ [key]: 1 }, { 'acct:b': 1 }])
})

test('what another node has filled in another order is compared with what a node has pruned', async () => {
  const path = fresh()
  const random = new SeededRandom('pruned elsewhere')
  const all = history(20, 3, random)
  await fed(path, new TestNode().execute(all))
  const node = new TestNode()
    .execute(reordered(all, random))
    .pruned()
    .execute(history(2, 3, random))
  await fed(path, node)
  const held = read(path)
  assert.is(held.length, 22)
  assert.is(new Set(held.map(({ txId }) => txId)).size, 22)
})

test('torn at every byte of its last group it goes on as if nothing had been', async () => {
  const path = fresh()
  const random = new SeededRandom('torn')
  const node = new TestNode().execute(history(3, 2, random))
  await fed(path, node)
  const before = statSync(path).size
  node.execute(history(2, 2, random))
  await fed(path, node)
  const whole = readFileSync(path)
  const ends = [before, ...Array.from(whole.keys()).filter((at) => at >= before && whole[at] === 10)].map((at, i) => (i > 0 ? at + 1 : at))
  for (let size = before; size <= whole.length; size++) {
    truncateSync(path, size)
    const sink = sinkAt(path)
    const { count } = await sink.open()
    await sink.close()
    const lines = ends.filter((end) => end <= size).length
    assert.is(count, 2 + lines, `torn at byte ${size}`)
    assert.is(statSync(path).size, ends[lines - 1], `torn at byte ${size}`)
    if (size % 40 === 0) await fed(path, node)
    if (size % 40 === 0) assert.ok(readFileSync(path).equals(whole), `torn at byte ${size}`)
    else writeFileSync(path, whole)
  }
})

test('a torn end may hold anything: zeros, half a line, whole lines behind a hole', async () => {
  const path = fresh()
  const random = new SeededRandom('hole')
  const node = new TestNode().execute(history(3, 2, random))
  await fed(path, node)
  const whole = readFileSync(path)
  const last = whole.subarray(whole.lastIndexOf('\n', whole.length - 2) + 1)
  const cut = whole.length - last.length
  for (const end of [
    Buffer.alloc(5000),
    Buffer.from('{"index":'),
    Buffer.from('null\n'),
    Buffer.concat([Buffer.alloc(4096), last]),
    Buffer.concat([last, last]),
  ]) {
    writeFileSync(path, Buffer.concat([whole.subarray(0, cut), end]))
    await fed(path, node)
    assert.ok(readFileSync(path).equals(whole))
  }
})

test('the end is found in a large file, behind a line larger than what is read at once, and lines are written in groups', async () => {
  const path = fresh()
  const node = new TestNode()
  for (let i = 0; i < 30; i++) node.execute([batchOf([transaction(['k'], new Uint8Array(256 * 1024).fill(i))])])
  await fed(path, node)
  const { size } = statSync(path)
  assert.ok(size > 3 * UNSYNCED_BYTES)
  const whole = readFileSync(path)
  truncateSync(path, size - 300_000)
  await fed(path, node)
  assert.ok(readFileSync(path).equals(whole))
  const receipt = { ok: true as const, result: 'x'.repeat(3 * UNSYNCED_BYTES) }
  const huge = new TestNode()
  const apply = huge.executor.machine.apply.bind(huge.executor.machine)
  huge.executor.machine.apply = (...args) => {
    apply(...args)
    return receipt
  }
  huge.execute(history(3, 1, new SeededRandom('huge')))
  const other = fresh()
  await fed(other, huge)
  const all = readFileSync(other)
  for (const torn of [1, UNSYNCED_BYTES, 3 * UNSYNCED_BYTES]) {
    truncateSync(other, all.length - torn)
    await fed(other, huge)
    assert.ok(readFileSync(other).equals(all), `${torn} bytes are missing`)
  }
})

async function refusal(path: string, node: TestNode): Promise<string> {
  const before = readFileSync(path)
  const feed = feedOf(sinkAt(path), node)
  await until('it stops', () => feed.status.state === 'stopped')
  await feed.stop(1000)
  assert.ok(readFileSync(path).equals(before), 'the file was not changed')
  return feed.status.lastError ?? ''
}

test('it refuses a file of another cluster, one that is none of its own, and one that is damaged further up', async () => {
  const node = new TestNode().execute(history(40, 2, new SeededRandom('refuse')))
  const path = fresh()
  writeFileSync(path, `${JSON.stringify({ schema: 1, type: 'musig-executed', clusterId: 'ab'.repeat(32), cluster: 'other' })}\n`)
  assert.is(await refusal(path, node), `${path} holds the transactions of another cluster (${'ab'.repeat(8)}…)`)
  for (const content of ['', 'my notes\n', '{"schema":2,"type":"musig-executed"}\n', 'null\n', `${'x'.repeat(10_000)}\n`]) {
    writeFileSync(path, content)
    assert.match(await refusal(path, node), /is there and is no file of executed transactions: nothing was changed in it/)
  }
  const large = new TestNode()
  for (let i = 0; i < 30; i++) large.execute([batchOf([transaction(['k'], new Uint8Array(256 * 1024).fill(i))])])
  const damaged = fresh()
  await fed(damaged, large)
  const content = readFileSync(damaged)
  content.write('""""', content.length - Math.floor(1.5 * UNSYNCED_BYTES))
  writeFileSync(damaged, content)
  assert.match(await refusal(damaged, large), /is damaged at byte \d+, and not by a torn end/)
})

test('whoever else writes to it is noticed, and what he wrote is cut off where it is no record', async () => {
  const path = fresh()
  const random = new SeededRandom('else')
  const node = new TestNode().execute(history(3, 2, random))
  const told: (string | null)[] = []
  const feed = feedOf(sinkAt(path), node, ({ lastError }) => told.push(lastError))
  await caughtUp(feed)
  appendFileSync(path, 'hello\n')
  node.execute(history(3, 2, random))
  await until('it notices', () => told.some((error) => /somebody else has changed it/.test(error ?? '')))
  await caughtUp(feed)
  await feed.stop(1000)
  assertFollows(read(path), node)
})

for (const [what, replace, told, stops] of [
  ['moved away', (path: string) => renameSync(path, `${path}.1`), /somebody else has moved it away/, false],
  [
    'moved away for an empty one',
    (path: string) => {
      renameSync(path, `${path}.1`)
      writeFileSync(path, '')
    },
    /somebody else has moved it away/,
    true,
  ],
  ['copied and emptied', (path: string) => truncateSync(path), /has 0 bytes and not \d+: somebody else has changed it/, true],
] as const)
  test(`a file that is ${what} while it is written gets nothing more where nobody looks for it`, async () => {
    const path = fresh()
    const random = new SeededRandom(what)
    const node = new TestNode().execute(history(3, 2, random))
    const errors: (string | null)[] = []
    const feed = feedOf(sinkAt(path), node, ({ lastError }) => errors.push(lastError))
    await caughtUp(feed)
    const before = readFileSync(path, 'utf8')
    replace(path)
    node.execute(history(3, 2, random))
    await until('it notices', () => errors.some((error) => told.test(error ?? '')))
    if (stops) {
      await until('it stops', () => feed.status.state === 'stopped')
      assert.match(feed.status.lastError ?? '', /is there and is no file of executed transactions: nothing was changed in it/)
      assert.is(readFileSync(path, 'utf8'), '')
    } else {
      await caughtUp(feed)
      assertFollows(read(path), node)
      assert.is(readFileSync(`${path}.1`, 'utf8'), before)
    }
    await feed.stop(1000)
  })

test('moved away between the look at it and the write: what went into it does not count', async () => {
  const path = fresh()
  const random = new SeededRandom('between')
  const node = new TestNode().execute(history(3, 2, random))
  const handles = await handlesOf(path)
  const feed = feedOf(sinkAt(path), node)
  await caughtUp(feed)
  const { datasync } = handles
  handles.datasync = async function () {
    handles.datasync = datasync
    renameSync(path, `${path}.1`)
    await datasync.call(this)
  }
  node.execute(history(3, 2, random))
  await until('it is written anew', () => existsSync(path) && read(path).length === 6)
  await caughtUp(feed)
  await feed.stop(1000)
  assertFollows(read(path), node)
})

/** What all open files of this process do. */
async function handlesOf(path: string): Promise<FileHandle> {
  const file = await open(`${path}.handle`, 'w')
  await file.close()
  return Object.getPrototypeOf(file)
}

test('what a sync could not write is cut off before it counts, and what an earlier process wrote counts once it is synced', async () => {
  const path = fresh()
  const random = new SeededRandom('sync')
  const node = new TestNode().execute(history(3, 2, random))
  const handles = await handlesOf(path)
  const { datasync, sync } = handles
  const feed = feedOf(sinkAt(path), node)
  await caughtUp(feed)
  const { size } = statSync(path)
  let synced = 0
  let sizeAtOpen = -1
  try {
    handles.datasync = async () => {
      handles.datasync = datasync
      throw new Error('EIO: i/o error, fdatasync')
    }
    handles.sync = async function () {
      const { ino, size: bytes } = await this.stat()
      await sync.call(this)
      // Its lock is synced too.
      if (ino !== statSync(path).ino) return
      if (sizeAtOpen < 0) sizeAtOpen = bytes
      synced++
    }
    node.execute(history(3, 2, random))
    await until('it is opened again', () => synced > 0)
    await caughtUp(feed)
  } finally {
    Object.assign(handles, { datasync, sync })
  }
  await feed.stop(1000)
  assert.ok(sizeAtOpen <= size, `${sizeAtOpen} bytes were there when it was opened again, ${size} of them synced`)
  assertFollows(read(path), node)
})

if (process.platform === 'linux')
  test('a disk that is full: its state says so, the file ends with a whole line, and all arrives once there is room', async () => {
    const path = fresh()
    const random = new SeededRandom('full')
    const node = new TestNode().execute(history(3, 2, random))
    const feed = feedOf(sinkAt(path), node)
    await caughtUp(feed)
    const { size } = statSync(path)
    // No file of this process gets larger.
    const limit = (soft: string) => execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${soft}:unlimited`])
    try {
      limit(String(size + 1000))
      node.execute(history(5, 2, random))
      await until('it fails', () => feed.status.state === 'failing' && /EFBIG/.test(feed.status.lastError ?? ''))
      assert.is(feed.taken, 3)
      await until('it is cut off', () => statSync(path).size === size)
    } finally {
      limit('unlimited')
    }
    await caughtUp(feed)
    await feed.stop(1000)
    assertFollows(read(path), node)
  })

test('an end without a line that is longer than any line is refused, and not read whole', async () => {
  const path = fresh()
  const node = new TestNode().execute(history(3, 2, new SeededRandom('zeros')))
  await fed(path, node)
  const { size } = statSync(path)
  truncateSync(path, 2 ** 32)
  const feed = feedOf(sinkAt(path), node)
  await until('it stops', () => feed.status.state === 'stopped')
  await feed.stop(1000)
  assert.match(feed.status.lastError ?? '', /is damaged: no line ends within its last 67108864 bytes/)
  truncateSync(path, size)
  await fed(path, node)
})

test('of many that find a lock of a process that is gone one alone takes it', async () => {
  const path = `${fresh()}.lock`
  for (let run = 0; run < 10; run++) {
    writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, begun: '5' }), { mode: 0o600 })
    const taken = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(path, () => 'busy')))
    const releases = taken.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    assert.is(releases.length, 1, `run ${run}`)
    for (const release of releases) await release()
    assert.equal(
      readdirSync(folder).filter((name) => name.includes('.lock')),
      [],
    )
  }
})

test('a stale lock that another process has taken meanwhile is left to it', async () => {
  const path = `${fresh()}.lock`
  const handles = await handlesOf(path)
  const { sync } = handles
  const release = await takeLock(path, () => 'busy')
  const live = readFileSync(path)
  await release()
  writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, begun: '5' }), { mode: 0o600 })
  let syncs = 0
  try {
    handles.sync = async function () {
      // The second file that is written is the turn's: the lock was found stale by then.
      if (++syncs === 2) writeFileSync(path, live)
      await sync.call(this)
    }
    await takeLock(path, (holder) => `process ${holder}`)
    assert.unreachable()
  } catch (error) {
    assert.is((error as Error).message, `process ${process.pid}`)
  } finally {
    handles.sync = sync
  }
  assert.ok(readFileSync(path).equals(live))
  rmSync(path)
})

test('a lock of a process that is gone is taken over', async () => {
  const path = fresh()
  writeFileSync(`${path}.lock`, JSON.stringify({ pid: 2 ** 22 + 1, begun: '5' }), { mode: 0o600 })
  const node = new TestNode().execute(history(3, 2, new SeededRandom('lock')))
  await fed(path, node)
  assertFollows(read(path), node)
})

test('a folder that is not there fails until it is', async () => {
  const path = join(folder, 'later', 'x.jsonl')
  const node = new TestNode().execute(history(3, 2, new SeededRandom('folder')))
  const feed = feedOf(sinkAt(path), node)
  await until('it fails', () => feed.status.state === 'failing')
  assert.match(feed.status.lastError ?? '', /ENOENT/)
  writeFileSync(join(folder, 'made'), '')
  await import('node:fs/promises').then(({ mkdir }) => mkdir(join(folder, 'later')))
  await caughtUp(feed)
  await feed.stop(1000)
  assertFollows(read(path), node)
})

test.run()
