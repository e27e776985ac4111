/** The store with its first records pruned: what takes their place, damage to it, and a process that dies in the middle. */
import { copyFile, cp, link, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openStore, type SignerStore, type StoreBase, type StoreIdentity } from '../../src/lib/node/store.js'
import { record, rejects, text } from './store-compliance.js'

const test = suite('store, pruned')
const folders: string[] = []
const identity: StoreIdentity = { clusterId: 'ab'.repeat(32), publicKey: new Uint8Array(48).fill(7) }

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'store-prune-'))
  folders.push(folder)
  return join(folder, 'store')
}

test.after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

async function append(store: SignerStore, from: number, to: number, bytes = 20): Promise<void> {
  for (let i = from; i < to; i += 10)
    await store.append(Array.from({ length: Math.min(10, to - i) }, (_, j) => record(`record ${i + j} `.padEnd(bytes, '.'))))
}

function base(records: number, from: number): StoreBase {
  return { records, snapshot: record(`state at ${records}`), past: Array.from({ length: records - from }, (_, i) => record(`outline ${from + i}`)) }
}

/** A store of 100 records of which the first 30, then the first 70 were pruned. */
async function pruned(options: { marker?: string } = {}): Promise<string> {
  const folder = await freshFolder()
  const store = await openStore(folder, identity, options)
  await store.load()
  await append(store, 0, 60)
  await store.prune(base(30, 0))
  await append(store, 60, 100)
  await store.prune(base(70, 30))
  await store.close()
  return folder
}

async function contents(folder: string): Promise<{ records: string[]; base: StoreBase | undefined }> {
  const store = await openStore(folder, identity)
  try {
    const records = (await store.load()).map(text)
    return { records, base: store.takeBase() }
  } finally {
    await store.close()
  }
}

async function tamper(folder: string, change: (database: ClassicLevel<Buffer, Buffer>) => Promise<void>): Promise<void> {
  const database = new ClassicLevel<Buffer, Buffer>(join(folder, 'records'), { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await change(database)
  await database.close()
}

async function refuses(folder: string, words: RegExp): Promise<void> {
  const store = await openStore(folder, identity)
  await rejects(store.load(), 'STORE_FAILED', words)
  await store.close()
}

const keyOf = (prefix: readonly number[], index: number): Buffer => {
  const key = Buffer.alloc(8)
  key.writeBigUInt64BE(BigInt(index))
  return Buffer.concat([Buffer.from(prefix), key])
}
const [ANCHOR, SNAPSHOT, PAST] = [Buffer.from([0xf1]), Buffer.from([0xf2]), [0xf0]]

test('what is left reads back: the snapshot, all outlines, the records behind; and it goes on from there', async () => {
  const folder = await pruned()
  const found = await contents(folder)
  assert.equal(
    found.records.map((one) => one.trimEnd().replace(/\.+$/, '').trim()),
    Array.from({ length: 30 }, (_, i) => `record ${70 + i}`),
  )
  assert.is(found.base?.records, 70)
  assert.is(text(found.base?.snapshot ?? new Uint8Array()), 'state at 70')
  assert.equal(
    found.base?.past.map(text),
    Array.from({ length: 70 }, (_, i) => `outline ${i}`),
  )
  const store = await openStore(folder, identity)
  await store.load()
  await append(store, 100, 110)
  await store.prune(base(110, 70))
  assert.is((await store.load()).length, 0)
  await store.close()
  const after = await contents(folder)
  assert.equal([after.records.length, after.base?.past.length, after.base?.records], [0, 110, 110])
})

test('nothing is pruned twice, and nothing before it was loaded', async () => {
  const folder = await pruned()
  const store = await openStore(folder, identity)
  assert.throws(() => store.prune(base(80, 70)), /only records that are there/)
  await store.load()
  await store.prune(base(50, 0))
  assert.throws(() => store.prune(base(101, 70)), /only records that are there/)
  assert.is((await store.load()).length, 30)
  await store.close()
})

test('an empty store begins from a snapshot, and goes on behind it; one that holds anything does not', async () => {
  const folder = await freshFolder()
  const store = await openStore(folder, identity)
  const snapshot = { records: 0, snapshot: record('state of others'), past: [record('outline 0'), record('outline 1')] }
  assert.throws(() => store.begin(snapshot), /only an empty store/)
  await store.load()
  await store.begin(snapshot)
  assert.throws(() => store.begin(snapshot), /only an empty store/)
  await append(store, 0, 10)
  await store.close()
  const found = await contents(folder)
  assert.equal([found.records.length, found.base?.records, found.base?.past.map(text)], [10, 0, ['outline 0', 'outline 1']])
  const again = await openStore(folder, identity)
  await again.load()
  assert.throws(() => again.begin(snapshot), /only an empty store/)
  await again.prune({ records: 5, snapshot: record('state at 5'), past: [record('outline 2')] })
  await again.close()
  const after = await contents(folder)
  assert.equal([after.records.length, after.base?.records, after.base?.past.length], [5, 5, 3])
  await tamper(folder, (database) => database.del(keyOf(PAST, 1)))
  await refuses(folder, /outline 1 is missing/)
})

test('damage to anything that is left is named', async () => {
  const damages: [change: (database: ClassicLevel<Buffer, Buffer>) => Promise<void>, words: RegExp][] = [
    [(database) => database.del(ANCHOR), /outlines of pruned batches are the ones that were written|record 0 .*is missing/],
    [(database) => database.del(SNAPSHOT), /the snapshot is missing or altered/],
    [(database) => database.put(SNAPSHOT, Buffer.from('state at 71')), /the snapshot is missing or altered/],
    [(database) => database.del(keyOf(PAST, 12)), /outline 12 is missing/],
    [(database) => database.del(keyOf(PAST, 69)), /69 of 70 outlines/],
    [async (database) => database.put(keyOf(PAST, 3), (await database.get(keyOf(PAST, 4))) as Buffer), /outline 3 is altered or out of its place/],
    [(database) => database.del(keyOf([], 70)), /^record 70 .*is missing/],
    [(database) => database.del(keyOf([], 99)), /^record 99 .*is missing, as are all after it: 100 were written/],
    [async (database) => database.put(keyOf([], 70), (await database.get(keyOf([], 71))) as Buffer), /^record 70 .*altered/],
    [
      async (database) => {
        const anchor = (await database.get(ANCHOR)) as Buffer
        anchor.writeUInt8(anchor.readUInt8(7) - 1, 7)
        await database.put(ANCHOR, anchor)
      },
      /the anchor of .* is damaged/,
    ],
  ]
  for (const [change, words] of damages) {
    const folder = await pruned()
    await tamper(folder, change)
    await refuses(folder, words)
  }
})

test('the anchor of another store is refused, and so is a head file from before', async () => {
  const folder = await pruned()
  const other = await freshFolder()
  const stranger = await openStore(other, { ...identity, publicKey: new Uint8Array(48).fill(8) })
  await stranger.load()
  await append(stranger, 0, 100)
  await stranger.prune(base(70, 0))
  await stranger.close()
  let foreign: Buffer | undefined
  await tamper(other, async (database) => {
    foreign = await database.get(ANCHOR)
  })
  await tamper(folder, (database) => database.put(ANCHOR, foreign as Buffer))
  await refuses(folder, /the anchor of .* is damaged/)

  const older = await freshFolder()
  const store = await openStore(older, identity)
  await store.load()
  await append(store, 0, 20)
  const head = await readFile(join(older, 'head'))
  await append(store, 20, 60)
  await store.prune(base(50, 0))
  await store.close()
  await writeFile(join(older, 'head'), head)
  await refuses(older, /is pruned, and the head file knows of 20 alone/)
})

test('the marker still tells a store that was lost or put back, and one that is older than what is pruned', async () => {
  const folder = await freshFolder()
  const marker = join(folder, '..', 'marker')
  const lost = async (): Promise<string | undefined> => {
    const store = await openStore(folder, identity, { marker })
    await store.load()
    const found = store.lost
    await store.close()
    return found
  }
  const store = await openStore(folder, identity, { marker })
  await store.load()
  await append(store, 0, 60)
  await store.prune(base(40, 0))
  await store.close()
  assert.is(await lost(), undefined)
  const [early, earlyMarker] = [join(folder, '..', 'early'), await readFile(marker)]
  await cp(folder, early, { recursive: true })
  const later = await openStore(folder, identity, { marker })
  await later.load()
  await append(later, 60, 100)
  await later.prune(base(90, 40))
  await later.close()
  assert.is(await lost(), undefined)
  const whole = await readFile(marker)
  await writeFile(marker, earlyMarker)
  assert.match((await lost()) ?? '', /a history of 60 records, which .* has pruned/)
  await writeFile(marker, whole)
  await rm(folder, { recursive: true })
  await cp(early, folder, { recursive: true })
  assert.match((await lost()) ?? '', /ends at record 59, and this key has a history of 100 records/)
  await rm(folder, { recursive: true })
  assert.match((await lost()) ?? '', /is empty, and this key has a history of 100 records/)
})

test('a process that dies anywhere in the write leaves all of it or nothing: the store starts', async () => {
  const folder = await freshFolder()
  const store = await openStore(folder, identity)
  await store.load()
  await append(store, 0, 60)
  const log = async (): Promise<string> => {
    const names = (await readdir(join(folder, 'records'))).filter((name) => name.endsWith('.log')).sort()
    return join('records', names.at(-1) ?? '')
  }
  const name = await log()
  const before = (await stat(join(folder, name))).size
  // A folder as a dying process leaves it: everything from before, and of the write under way some first bytes.
  const dead = `${folder}-dead`
  folders.push(dead)
  await cp(folder, dead, { recursive: true })
  // The database may remove its log as soon as it has given back room.
  const written = join(dead, 'written')
  await link(join(folder, name), written)
  await store.prune(base(50, 0))
  await store.close()
  const after = (await stat(written)).size
  assert.ok(after > before, 'the write is in the log')
  let [whole, none] = [0, 0]
  for (let size = before; size <= after; size += size < after - 40 ? 37 : 1) {
    const torn = `${dead}-${size}`
    folders.push(torn)
    await cp(dead, torn, { recursive: true })
    await copyFile(written, join(torn, name))
    await truncate(join(torn, name), size)
    const found = await contents(torn)
    assert.is(found.records.length + (found.base?.records ?? 0), 60, `cut to ${size} bytes`)
    assert.is(found.base?.past.length ?? 0, found.base ? 50 : 0)
    if (found.base) whole++
    else none++
    await rm(torn, { recursive: true })
  }
  assert.ok(whole > 0 && none > 10, `${whole} whole, ${none} without`)
})

test('the room of pruned records is given back', async () => {
  const folder = await freshFolder()
  const store = await openStore(folder, identity)
  await store.load()
  await append(store, 0, 4000, 5000)
  const sizeOf = async (): Promise<number> => {
    const names = await readdir(join(folder, 'records'))
    const sizes = await Promise.all(names.map(async (one) => (await stat(join(folder, 'records', one)).catch(() => ({ size: 0 }))).size))
    return sizes.reduce((sum, size) => sum + size, 0)
  }
  const full = await sizeOf()
  await store.prune(base(3900, 0))
  await store.close()
  const left = await sizeOf()
  assert.ok(left < full / 4, `${full} bytes before, ${left} after`)
})

test.run()
