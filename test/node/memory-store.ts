/** A store in memory for tests: the port's behaviour without a disk. What it holds outlives `close`, in a `MemoryDisk`. */
import { MusigError } from '../../src/lib/base/errors.js'
import type { Store } from '../../src/lib/node/ports.js'

/** What a memory store keeps between openings; `failing` makes the next appends fail. */
export interface MemoryDisk {
  records: Uint8Array[]
  failing: boolean
}

export function memoryDisk(): MemoryDisk {
  return { records: [], failing: false }
}

export function memoryStore(disk: MemoryDisk = memoryDisk()): Store {
  let stopped: MusigError | undefined
  return {
    async load() {
      if (stopped) throw stopped
      return disk.records.map((record) => record.slice())
    },
    async append(records) {
      if (stopped) throw stopped
      if (disk.failing) {
        stopped = new MusigError('STORE_FAILED', 'the memory store was told to fail')
        throw stopped
      }
      disk.records.push(...records.map((record) => record.slice()))
    },
    async close() {
      stopped ??= new MusigError('STORE_FAILED', 'the memory store is closed')
    },
  }
}
