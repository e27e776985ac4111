/** The store under kill -9, a full disk, and a second process: real processes on one folder. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { openStore } from '../../src/lib/node/store.js'
import { rejects } from './store-compliance.js'
import { WRITER_GROUP, WRITER_IDENTITY, writerRecord } from './store-writer-records.js'

const test = suite('store under crashes')
const folders: string[] = []
const WRITER = fileURLToPath(new URL('store-writer.ts', import.meta.url))

test.after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'store-crash-'))
  folders.push(folder)
  return join(folder, 'store')
}

interface Writer {
  child: ChildProcessByStdio<null, Readable, null>
  lines: string[]
  /** Resolves with the first line that starts so. */
  line(start: string): Promise<string>
  /** Resolves when the process is gone and its output read. */
  ended: Promise<unknown>
}

function startWriter(folder: string, bytes = 100, fileLimitBlocks?: number, mode: 'prune' | '' = ''): Writer {
  const limit = fileLimitBlocks === undefined ? '' : `ulimit -f ${fileLimitBlocks}; `
  const command = `${limit}exec "$0" --import tsx "$1" "$2" "$3" ${mode}`
  const child = spawn('sh', ['-c', command, process.execPath, WRITER, folder, String(bytes)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const waiting: { start: string; found(line: string): void }[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    for (const { start, found } of waiting) if (line.startsWith(start)) found(line)
  })
  return {
    child,
    lines,
    line: (start) =>
      new Promise((found) => {
        const known = lines.find((line) => line.startsWith(start))
        if (known === undefined) waiting.push({ start, found })
        else found(known)
      }),
    ended: once(child, 'close'),
  }
}

function acknowledged(writer: Writer): number {
  return Math.max(0, ...writer.lines.map(Number).filter((count) => Number.isInteger(count)))
}

async function readBack(folder: string, bytes: number): Promise<number> {
  const store = await openStore(folder, WRITER_IDENTITY)
  const records = await store.load()
  await store.close()
  records.forEach((record, i) => {
    assert.ok(Buffer.from(record).equals(writerRecord(i, bytes)), `record ${i}`)
  })
  return records.length
}

test('kill -9 during appends loses nothing acknowledged and leaves whole groups', async () => {
  const seed = Date.now()
  const random = new SeededRandom(seed)
  const folder = await freshFolder()
  let before = 0
  for (let round = 0; round < 5; round++) {
    const writer = startWriter(folder, 2000)
    await writer.line('open')
    await sleep(random.upTo(300))
    writer.child.kill('SIGKILL')
    await writer.ended
    const count = await readBack(folder, 2000)
    assert.ok(count >= Math.max(before, acknowledged(writer)), `seed ${seed}: ${count} of ${acknowledged(writer)} acknowledged`)
    assert.is(count % WRITER_GROUP, 0, `seed ${seed}: half a group`)
    before = count
  }
  assert.ok(before > 0)
})

test('kill -9 while records are pruned leaves a store that starts, with all that was acknowledged', async () => {
  const seed = Date.now()
  const random = new SeededRandom(seed)
  const folder = await freshFolder()
  let before = 0
  let pruned = 0
  for (let round = 0; round < 8; round++) {
    const writer = startWriter(folder, 2000, undefined, 'prune')
    await writer.line('open')
    await sleep(random.upTo(300))
    writer.child.kill('SIGKILL')
    await writer.ended
    const store = await openStore(folder, WRITER_IDENTITY)
    const records = await store.load()
    const base = store.takeBase()
    await store.close()
    const from = base?.records ?? 0
    const isRecord = (record: Uint8Array, i: number, bytes: number) => Buffer.from(record).equals(writerRecord(i, bytes))
    assert.ok(records.every((record, i) => isRecord(record, from + i, 2000)) && (base?.past ?? []).every((outline, i) => isRecord(outline, i, 10)))
    assert.is(base?.past.length ?? 0, from)
    assert.ok(!base || isRecord(base.snapshot, from, 10_000))
    const count = from + records.length
    assert.ok(count >= Math.max(before, acknowledged(writer)) && from >= pruned, `seed ${seed}: ${count} of ${acknowledged(writer)} acknowledged`)
    before = count
    pruned = from
  }
  assert.ok(pruned > 0, 'nothing was pruned')
})

test('a store in use by another process is refused by its number; after kill -9 it opens by itself', async () => {
  const folder = await freshFolder()
  const writer = startWriter(folder)
  const [, pid] = (await writer.line('open')).split(' ')
  await rejects(openStore(folder, WRITER_IDENTITY), 'BUSY', new RegExp(`in use by process ${pid}$`))
  writer.child.kill('SIGKILL')
  await writer.ended
  const count = await readBack(folder, 100)
  assert.ok(count >= acknowledged(writer))
})

test('a disk without room stops the store; what was acknowledged stays', async () => {
  const folder = await freshFolder()
  const writer = startWriter(folder, 2000, 1024)
  await writer.ended
  assert.is(writer.lines.at(-1), 'failed STORE_FAILED true')
  assert.ok(acknowledged(writer) > 0)
  const count = await readBack(folder, 2000)
  assert.ok(count >= acknowledged(writer), `${count} of ${acknowledged(writer)}`)
})

test.run()
