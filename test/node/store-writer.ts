/**
 * A process that appends groups of records to a store until it is killed or fails: `store-writer.ts FOLDER [RECORD_BYTES] [prune]`. After each durable group it
 * prints how many records were acknowledged; a failed append is printed as `failed CODE`, with what a further append says.
 */
import { openStore } from '../../src/lib/node/store.js'
import { groupFrom, WRITER_IDENTITY, writerRecord } from './store-writer-records.js'

const [folder = '', bytes = '100', prunes] = process.argv.slice(2)
const store = await openStore(folder, WRITER_IDENTITY)
const kept = (await store.load()).length
let pruned = store.takeBase()?.records ?? 0
let count = pruned + kept
process.stdout.write(`open ${process.pid}\n`)
for (;;) {
  const group = groupFrom(count, Number(bytes))
  try {
    await store.append(group)
  } catch (error) {
    const again = await store.append(group).catch((later) => later)
    process.stdout.write(`failed ${(error as { code?: string }).code} ${again === error}\n`)
    break
  }
  count += group.length
  process.stdout.write(`${count}\n`)
  if (prunes === undefined || count - pruned < 100) continue
  const records = count - 50
  const past = Array.from({ length: records - pruned }, (_, i) => writerRecord(pruned + i, 10))
  await store.prune({ records, past, snapshot: writerRecord(records, 10_000) })
  pruned = records
}
await store.close()
