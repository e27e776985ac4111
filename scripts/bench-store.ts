/**
 * Measures what a signer asks of its store: durable appends of 1, 10 and 100 records, and reading all of them back in order once. The candidates
 * hold the same schema as `src/lib/node/store.ts` (key: 8-byte counter, value: 32-byte chain hash ‖ record); each runs in a process of its own so
 * that memory is its own too. `node --import tsx scripts/bench-store.ts [RECORDS]`; candidates whose package is not installed are left out
 * (`npm install --no-save lmdb@3.5.6` brings LMDB back). docs/adr/0002-store.md holds the figures that decided.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, fdatasyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SeededRandom } from '../src/lib/base/prng.js'

interface Candidate {
  append(entries: readonly { key: Buffer; value: Buffer }[]): Promise<void>
  /** Every value in the order of its key. */
  values(): AsyncIterable<Uint8Array>
  close(): Promise<void>
}

const CANDIDATES: Record<string, (folder: string) => Promise<Candidate>> = { 'classic-level': openLevel, lmdb: openLmdb, file: openFile }

async function openLevel(folder: string): Promise<Candidate> {
  const { ClassicLevel } = await import('classic-level')
  const db = new ClassicLevel<Buffer, Uint8Array>(folder, { keyEncoding: 'buffer', valueEncoding: 'view', compression: false })
  await db.open()
  return {
    append: (entries) =>
      db.batch(
        entries.map(({ key, value }) => ({ type: 'put', key, value })),
        { sync: true },
      ),
    async *values() {
      // In pages: one step of an iterator for each value takes three times as long.
      const all = db.values({ highWaterMarkBytes: 1 << 20, fillCache: false })
      for (;;) {
        const page = await all.nextv(1000)
        if (page.length === 0) return
        yield* page
      }
    },
    close: () => db.close(),
  }
}

/** The part of LMDB's API that is used here; its package is not a dependency. */
interface LmdbModule {
  open(options: object): {
    transaction(action: () => void): Promise<void>
    put(key: Buffer, value: Buffer): unknown
    getRange(options: object): Iterable<{ value: Uint8Array }>
    flushed: Promise<unknown>
    close(): Promise<void>
  }
}

async function openLmdb(folder: string): Promise<Candidate> {
  const name = 'lmdb'
  const { open } = (await import(name)) as LmdbModule
  // Without overlapping sync a committed transaction is a durable one.
  const db = open({ path: folder, keyEncoding: 'binary', encoding: 'binary', overlappingSync: false, compression: false })
  return {
    async append(entries) {
      await db.transaction(() => {
        for (const { key, value } of entries) db.put(key, value)
      })
      await db.flushed
    },
    async *values() {
      for (const { value } of db.getRange({})) yield value
    },
    close: () => db.close(),
  }
}

/** A yardstick, not a candidate: length-prefixed values at the end of a file, then fdatasync. */
async function openFile(folder: string): Promise<Candidate> {
  const path = join(folder, 'records')
  const file = openSync(path, 'a+')
  return {
    async append(entries) {
      const parts = entries.flatMap(({ value }) => [lengthOf(value), value])
      writeSync(file, Buffer.concat(parts))
      fdatasyncSync(file)
    },
    async *values() {
      const all = readFileSync(path)
      for (let at = 0; at < all.length; ) {
        const length = all.readUInt32BE(at)
        yield all.subarray(at + 4, at + 4 + length)
        at += 4 + length
      }
    },
    close: async () => closeSync(file),
  }
}

function lengthOf(value: Uint8Array): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32BE(value.length)
  return prefix
}

const random = new SeededRandom('bench-store')
const NOISE = Buffer.from(random.bytes(1 << 20))

/** Records of 200 B to 30 kB, each magnitude equally likely: signed statements are short, batches long; neither can be compressed. */
function nextRecord(): Buffer {
  const length = Math.round(200 * 150 ** random.fraction())
  const at = random.upTo(NOISE.length - length)
  return NOISE.subarray(at, at + length)
}

let chain: Buffer = Buffer.alloc(32)
let counter = 0

function nextEntry(): { key: Buffer; value: Buffer } {
  const record = nextRecord()
  chain = createHash('sha256').update(chain).update(record).digest()
  const key = Buffer.alloc(8)
  key.writeBigUInt64BE(BigInt(counter++))
  return { key, value: Buffer.concat([chain, record]) }
}

const milliseconds = (value: number) => Number(value.toFixed(3))
const mebibytes = (value: number) => Number((value / 2 ** 20).toFixed(1))

function memory(): { rss: number; anonymous: number } {
  const status = readFileSync('/proc/self/status', 'latin1')
  const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) * 1024
  return { rss: mebibytes(field('VmRSS')), anonymous: mebibytes(field('RssAnon')) }
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map((name) => statSync(join(folder, name)).blocks * 512)
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function write(candidate: Candidate, folder: string, records: number): Promise<void> {
  for (const [group, times] of [
    [1, 1000],
    [10, 400],
    [100, 100],
  ] as const) {
    const took: number[] = []
    for (let i = 0; i < times; i++) {
      const entries = Array.from({ length: group }, nextEntry)
      const started = performance.now()
      await candidate.append(entries)
      took.push(performance.now() - started)
    }
    took.sort((a, b) => a - b)
    const at = (share: number) => milliseconds(took[Math.floor((took.length - 1) * share)] ?? 0)
    console.log(`  append of ${String(group).padStart(3)}   p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   max ${at(1)} ms`)
  }
  while (counter < records) await candidate.append(Array.from({ length: Math.min(100, records - counter) }, nextEntry))
  const used = memory()
  await candidate.close()
  console.log(
    `  written: ${counter} records, ${mebibytes(await sizeOf(folder))} MiB on disk; process ${used.rss} MiB, ${used.anonymous} MiB of its own`,
  )
}

async function read(candidate: Candidate): Promise<void> {
  const started = performance.now()
  let seen: Buffer = Buffer.alloc(32)
  let count = 0
  let bytes = 0
  for await (const value of candidate.values()) {
    const record = value.subarray(32)
    seen = createHash('sha256').update(seen).update(record).digest()
    if (!seen.equals(value.subarray(0, 32))) throw new Error(`record ${count} is not what was written`)
    count++
    bytes += record.length
  }
  const used = memory()
  console.log(
    `  load: ${count} records, ${mebibytes(bytes)} MiB, chain checked, ${Math.round(performance.now() - started)} ms; process ${used.rss} MiB, ${used.anonymous} MiB of its own`,
  )
  await candidate.close()
}

async function measureAll(records: number): Promise<void> {
  const require = createRequire(import.meta.url)
  for (const name of Object.keys(CANDIDATES)) {
    if (name !== 'file' && !isInstalled(require, name)) {
      console.log(`${name}: not installed, left out`)
      continue
    }
    console.log(name)
    const folder = await mkdtemp(join(tmpdir(), 'bench-store-'))
    try {
      for (const phase of ['write', 'read']) {
        const script = fileURLToPath(import.meta.url)
        execFileSync(process.execPath, ['--import', 'tsx', script, String(records), name, phase, folder], { stdio: 'inherit' })
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

function isInstalled(require: NodeRequire, name: string): boolean {
  try {
    require.resolve(name)
    return true
  } catch {
    return false
  }
}

const [records = '100000', name = '', phase, folder = ''] = process.argv.slice(2)
const open = CANDIDATES[name]
if (!open) await measureAll(Number(records))
else if (phase === 'write') await write(await open(folder), folder, Number(records))
else await read(await open(folder))
