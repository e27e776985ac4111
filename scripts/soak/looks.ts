/** What a soak looks at from outside: the memory of the signers' processes, their files, and how long a start takes as their logs tell it. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ClusterFolder } from '../../src/lib/cluster/cluster-folder.js'
import { processesOf } from '../../src/lib/cluster/processes.js'

/** Resident memory of each signer's process, bytes; of what no longer runs, nothing. */
export async function residentMemory(folder: ClusterFolder): Promise<number[]> {
  return (await processesOf(folder)).flatMap(({ pid }) => {
    try {
      const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
      return kibibytes === undefined ? [] : [1024 * Number(kibibytes)]
    } catch {
      return []
    }
  })
}

/** Seconds of processor time that the process of a signer, which has it alone, has used. */
export async function processorSeconds(folder: ClusterFolder, signer: number): Promise<number> {
  const pid = (await processesOf(folder)).find(({ name }) => name === String(signer))?.pid
  const fields = pid === undefined ? [] : readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')
  // User and system time, in hundredths: that is what the system counts in, whatever its clock does.
  return (Number(fields?.[11]) + Number(fields?.[12])) / 100
}

/** Bytes of each signer's store. */
export function storeBytes(folder: ClusterFolder): number[] {
  return folder.read().signers.map(({ store }) => bytesUnder(folder.resolve(store)))
}

function bytesUnder(path: string): number {
  let bytes = 0
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name)
    // Files of a database come and go.
    bytes += entry.isDirectory() ? bytesUnder(inner) : (statSync(inner, { throwIfNoEntry: false })?.size ?? 0)
  }
  return bytes
}

/** Milliseconds from `since` (of `Date.now`) to the line with which each signer said last that it has started. */
export function startsSince(folder: ClusterFolder, since: number): number[] {
  return folder.read().signers.flatMap(({ log }) => {
    const line = readFileSync(folder.resolve(log), 'utf8')
      .split('\n')
      .findLast((text) => text.includes('"msg":"signer started"'))
    const at = line === undefined ? Number.NaN : Date.parse((JSON.parse(line) as { time: string }).time)
    return at >= since ? [at - since] : []
  })
}
