/** The store in memory and the one on disk against the port; then what only a disk has: damage, identity, lock. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { openStore, type StoreIdentity } from '../../src/lib/node/store.js'
import { memoryDisk, memoryStore } from './memory-store.js'
import { record, rejects, storeCompliance, text } from './store-compliance.js'

const test = suite('store')
const folders: string[] = []
const identity: StoreIdentity = { clusterId: 'ab'.repeat(32), publicKey: new Uint8Array(48).fill(7) }

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'store-test-'))
  folders.push(folder)
  return join(folder, 'a', 'store')
}

test.after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

storeCompliance(test, 'memory', { fresh: async () => memoryDisk(), open: async (disk) => memoryStore(disk) })
storeCompliance(test, 'disk', { fresh: freshFolder, open: (folder) => openStore(folder, identity) })

/** A store with `count` records that was closed; answers its folder. */
async function written(count: number, bytes = 20): Promise<string> {
  const folder = await freshFolder()
  const store = await openStore(folder, identity)
  await store.load()
  for (let i = 0; i < count; i += 10) {
    await store.append(Array.from({ length: Math.min(10, count - i) }, (_, j) => record(`record ${i + j} `.padEnd(bytes, '.'))))
  }
  await store.close()
  return folder
}

async function tamper(folder: string, change: (database: ClassicLevel<Buffer, Buffer>) => Promise<void>): Promise<void> {
  const database = new ClassicLevel<Buffer, Buffer>(join(folder, 'records'), { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await change(database)
  await database.close()
}

function keyOf(index: number): Buffer {
  const key = Buffer.alloc(8)
  key.writeBigUInt64BE(BigInt(index))
  return key
}

async function storedAt(database: ClassicLevel<Buffer, Buffer>, index: number): Promise<Buffer> {
  const value = await database.get(keyOf(index))
  assert.ok(value)
  return value as Buffer
}

async function refusesToLoad(folder: string, words: RegExp): Promise<void> {
  const store = await openStore(folder, identity)
  await rejects(store.load(), 'STORE_FAILED', words)
  assert.throws(() => store.append([record('x')]), /before it was loaded/)
  await store.close()
}

test('a missing record is named', async () => {
  const folder = await written(30)
  await tamper(folder, (database) => database.del(keyOf(17)))
  await refusesToLoad(folder, /^record 17 .*is missing/)
})

test('missing last records are named', async () => {
  const folder = await written(30)
  await tamper(folder, async (database) => {
    for (const index of [28, 29]) await database.del(keyOf(index))
  })
  await refusesToLoad(folder, /^record 28 .*is missing, as are all after it: 30 were written/)
})

test('an altered record is named', async () => {
  const folder = await written(30)
  await tamper(folder, async (database) => {
    const value = await storedAt(database, 12)
    value.writeUInt8(value.readUInt8(40) ^ 1, 40)
    await database.put(keyOf(12), value)
  })
  await refusesToLoad(folder, /^record 12 .*altered/)
})

test('exchanged records are named', async () => {
  const folder = await written(30)
  await tamper(folder, async (database) => {
    const [a, b] = [await storedAt(database, 5), await storedAt(database, 9)]
    await database.put(keyOf(5), b)
    await database.put(keyOf(9), a)
  })
  await refusesToLoad(folder, /^record 5 .*out of its place/)
})

test('a value cut short is named', async () => {
  const folder = await written(30)
  await tamper(folder, async (database) => database.put(keyOf(3), (await storedAt(database, 3)).subarray(0, 31)))
  await refusesToLoad(folder, /^record 3 .*cut short/)
})

test('a key that is no counter is refused', async () => {
  const folder = await written(30)
  await tamper(folder, (database) => database.put(Buffer.from([0, 0]), Buffer.alloc(40)))
  await refusesToLoad(folder, /^record 0 .*is missing/)
})

test('records rolled back and written anew are refused', async () => {
  const folder = await written(30)
  const other = await freshFolder()
  const store = await openStore(other, identity)
  await store.load()
  await store.append(Array.from({ length: 30 }, (_, i) => record(`another ${i}`)))
  await store.close()
  await writeFile(join(folder, 'head'), await readFile(join(other, 'head')))
  await refusesToLoad(folder, /^record 29 .*is not the one that was written last/)
})

test('a lost or damaged head is refused', async () => {
  const folder = await written(30)
  const head = await readFile(join(folder, 'head'))
  await writeFile(join(folder, 'head'), Buffer.alloc(head.length))
  await rejects(openStore(folder, identity), 'STORE_FAILED', /head .*is damaged/)
  await rm(join(folder, 'head'))
  await rejects(openStore(folder, identity), 'STORE_FAILED', /lost its head/)
})

test('records without their database are refused', async () => {
  const folder = await written(30)
  await rm(join(folder, 'records'), { recursive: true })
  await rejects(openStore(folder, identity), 'STORE_FAILED', /lost its identity or its records/)
})

/** Opens and loads: the records, or `undefined` where the store refused. */
async function loadOrRefuse(folder: string): Promise<string[] | undefined> {
  try {
    const store = await openStore(folder, identity)
    try {
      return (await store.load()).map(text)
    } finally {
      await store.close()
    }
  } catch (error) {
    assert.is((error as { code?: string }).code, 'STORE_FAILED', String(error))
    return undefined
  }
}

test('a flipped bit or a cut anywhere on disk is found, or harmless', async () => {
  const seed = Date.now()
  const random = new SeededRandom(seed)
  let refused = 0
  // The first lies in the database's log alone, the second in its tables, the third in both.
  for (const [count, bytes, reopened] of [
    [60, 100, false],
    [60, 100, true],
    [60, 100_000, false],
  ] as const) {
    const folder = await written(count, bytes)
    if (reopened) assert.is((await loadOrRefuse(folder))?.length, count)
    const expected = Array.from({ length: count }, (_, i) => `record ${i} `.padEnd(bytes, '.'))
    const files = [...(await readdir(join(folder, 'records'))).map((name) => join('records', name)), 'head']
    const whole = await Promise.all(files.map((name) => readFile(join(folder, name))))
    for (let round = 0; round < 40; round++) {
      const at = random.upTo(files.length - 1)
      const [name, bytesOfFile] = [files[at] as string, whole[at] as Buffer]
      if (bytesOfFile.length === 0) continue
      const place = random.upTo(bytesOfFile.length - 1)
      if (round % 3 === 0) await truncate(join(folder, name), place)
      else {
        const changed = Buffer.from(bytesOfFile)
        changed.writeUInt8(changed.readUInt8(place) ^ (1 << random.upTo(7)), place)
        await writeFile(join(folder, name), changed)
      }
      const found = await loadOrRefuse(folder)
      if (found) assert.ok(found.join() === expected.join(), `seed ${seed}: ${name} damaged at ${place}, loaded ${found.length} records`)
      else refused++
      await rm(join(folder, 'records'), { recursive: true })
      await restore(folder, files, whole)
    }
  }
  assert.ok(refused > 20, `only ${refused} refusals, seed ${seed}`)
})

async function restore(folder: string, files: readonly string[], whole: readonly Buffer[]): Promise<void> {
  await mkdir(join(folder, 'records'))
  for (const [i, name] of files.entries()) await writeFile(join(folder, name), whole[i] as Buffer)
}

test('a store of another signer or another cluster is refused', async () => {
  const folder = await written(5)
  await rejects(openStore(folder, { ...identity, publicKey: new Uint8Array(48).fill(8) }), 'STORE_FAILED', /another signer/)
  await rejects(openStore(folder, { ...identity, clusterId: 'cd'.repeat(32) }), 'STORE_FAILED', /another cluster/)
  assert.is((await loadOrRefuse(folder))?.length, 5)
})

test('a folder that cannot be made is a clear error', async () => {
  const folder = await written(1)
  await rejects(openStore(join(folder, 'head', 'below'), identity), 'STORE_FAILED', /cannot be made/)
})

test('a second opening is refused and names the process; the first goes on', async () => {
  const folder = await freshFolder()
  const store = await openStore(folder, identity)
  await store.load()
  await rejects(openStore(folder, identity), 'BUSY', new RegExp(`in use by process ${process.pid}`))
  await store.append([record('still mine')])
  await store.close()
  assert.equal(await loadOrRefuse(folder), ['still mine'])
})

test('every append is synced to the disk', async () => {
  const batch = ClassicLevel.prototype.batch
  const synced: unknown[] = []
  Object.defineProperty(ClassicLevel.prototype, 'batch', {
    configurable: true,
    value(this: ClassicLevel, ...given: [operations: unknown, options?: { sync?: boolean }]) {
      synced.push(given[1]?.sync)
      return Reflect.apply(batch, this, given)
    },
  })
  try {
    await written(30)
    assert.equal(synced, [true, true, true])
  } finally {
    Object.defineProperty(ClassicLevel.prototype, 'batch', { configurable: true, writable: true, value: batch })
  }
})

test('a disk that does not answer in time fails the append and all that wait behind it', async () => {
  const folder = await freshFolder()
  const store = await openStore(folder, identity, { appendTimeoutMs: 1 })
  await store.load()
  const slow = store.append([new Uint8Array(40_000_000)])
  const behind = store.append([record('behind')])
  await rejects(slow, 'STORE_FAILED', /^record 0 .*did not answer within 1 ms/)
  await rejects(behind, 'STORE_FAILED', /^record 0 /)
  await rejects(store.append([record('later')]), 'STORE_FAILED', /^record 0 /)
  await store.close()
  // The write that came too late may exist; what waited behind it was never begun.
  const again = await openStore(folder, identity)
  assert.ok((await again.load()).length <= 1)
  await again.close()
})

test('memory: after a failed append all further ones fail', async () => {
  const disk = memoryDisk()
  const store = memoryStore(disk)
  await store.append([record('a')])
  disk.failing = true
  await rejects(store.append([record('b')]), 'STORE_FAILED', /told to fail/)
  disk.failing = false
  await rejects(store.append([record('c')]), 'STORE_FAILED', /told to fail/)
  assert.is(disk.records.length, 1)
})

/** A store with a marker that was written to and closed; answers its folder and the marker's path. */
async function marked(count: number): Promise<{ folder: string; options: { marker: string } }> {
  const folder = await freshFolder()
  const options = { marker: join(folder, '..', '..', 'history') }
  const store = await openStore(folder, identity, options)
  await store.load()
  assert.is(store.lost, undefined)
  for (let i = 0; i < count; i++) await store.append([record(`record ${i}`)])
  await store.close()
  return { folder, options }
}

test('a store that is gone is missed as long as its marker stands, whatever is written meanwhile; once accepted, no more', async () => {
  const { folder, options } = await marked(5)
  const whole = await openStore(folder, identity, options)
  await whole.load()
  assert.is(whole.lost, undefined)
  await whole.close()
  await rm(folder, { recursive: true })
  for (let i = 0; i < 3; i++) {
    const store = await openStore(folder, identity, options)
    await store.load()
    assert.match(store.lost ?? '', i === 0 ? /is empty, and this key has a history of 5 records/ : /history/)
    for (let j = 0; j < 4; j++) await store.append([record(`another ${i} ${j}`)])
    await store.close()
  }
  const store = await openStore(folder, identity, options)
  assert.is((await store.load()).length, 12)
  assert.match(store.lost ?? '', /record 4 of .* is not the one in this key's history/)
  store.acceptLoss()
  await store.append([record('after')])
  await store.close()
  const after = await openStore(folder, identity, options)
  assert.is((await after.load()).length, 13)
  assert.is(after.lost, undefined)
  await after.close()
})

test('a loss that only others could show is accepted: the marker goes on with what is written in the same life', async () => {
  const { folder, options } = await marked(5)
  await rm(folder, { recursive: true })
  await rm(options.marker)
  const store = await openStore(folder, identity, options)
  await store.load()
  assert.is(store.lost, undefined)
  store.acceptLoss()
  for (let i = 0; i < 4; i++) await store.append([record(`after ${i}`)])
  await store.close()
  await rm(folder, { recursive: true })
  const empty = await openStore(folder, identity, options)
  await empty.load()
  assert.match(empty.lost ?? '', /is empty, and this key has a history of 4 records/)
  await empty.close()
})

test('an older copy of a store is noticed to the record, a damaged marker counts as a loss, one that a power loss put back does not', async () => {
  const { folder, options } = await marked(3)
  const older = `${folder}.older`
  await cp(folder, older, { recursive: true })
  const marker = await readFile(options.marker)
  const store = await openStore(folder, identity, options)
  await store.load()
  await store.append([record('one more')])
  await store.close()
  const stale = await openStore(older, identity, options)
  await stale.load()
  assert.match(stale.lost ?? '', /ends at record 2, and this key has a history of 4 records/)
  await stale.close()

  await writeFile(options.marker, marker)
  const behind = await openStore(folder, identity, options)
  await behind.load()
  assert.is(behind.lost, undefined)
  await behind.close()

  await writeFile(options.marker, new Uint8Array(1024))
  const damaged = await openStore(folder, identity, options)
  await damaged.load()
  assert.match(damaged.lost ?? '', /damaged/)
  await damaged.close()
})

test.run()
