/** A peer of the cluster that begins from a snapshot, as a process of its own beside the cluster's peers: how long it takes, and what it comes to. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ClusterFolder } from '../../src/lib/cluster/cluster-folder.js'
import type { PeerStatusAnswer } from '../../src/lib/node/peer-status.js'

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

export interface SnapshotFigures {
  /** From its start to where it was level with the signers. */
  levelMs: number
  /** Until it had all parts of the snapshot, and until enough signers had confirmed it. */
  fetchedMs: number
  confirmedMs: number
  status: PeerStatusAnswer
}

/** Starts it, waits until it is level, asks it for its state, and ends it. Fails if it ends by itself. */
export async function measureSnapshotPeer(folder: ClusterFolder, port: number): Promise<SnapshotFigures> {
  const record = folder.read()
  const url = `http://127.0.0.1:${port}`
  const files = ['--manifest', folder.resolve(record.manifest), '--addresses', folder.resolve(record.addresses)]
  const own = ['--store', join(folder.resolve('.'), 'snapshot-peer'), '--api', url, '--from-snapshot']
  const child = spawn(process.execPath, [BIN, 'peer', 'start', ...files, ...own], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<never>((_, reject) => child.once('close', (code) => reject(new Error(`the peer ended with ${code}`))))
  ended.catch(() => {})
  try {
    const times = await Promise.race([
      ended,
      timesOf(child.stdout, ['peer started', 'compares what follows', 'begins from a snapshot that', 'level with the signers']),
    ])
    const [started = 0, fetched = 0, confirmed = 0, level = 0] = times
    const status = (await (await fetch(new URL('/api/status', url))).json()) as PeerStatusAnswer
    return { levelMs: level - started, fetchedMs: fetched - started, confirmedMs: confirmed - started, status }
  } finally {
    child.kill('SIGTERM')
    await ended.catch(() => {})
  }
}

/** When a log says each of these for the first time, in their order, in milliseconds since 1970; resolves once it has said all. */
function timesOf(log: NodeJS.ReadableStream, messages: readonly string[]): Promise<number[]> {
  const times: number[] = []
  let rest = ''
  return new Promise((resolve) => {
    log.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const { msg, time } = JSON.parse(line) as { msg: string; time: string }
        if (times.length === messages.length || !msg.startsWith(messages[times.length] ?? '')) continue
        times.push(Date.parse(time))
        if (times.length === messages.length) resolve(times)
      }
    })
  })
}
