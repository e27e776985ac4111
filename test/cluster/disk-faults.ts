/** What a signer of a cluster does when its disk fails it: the end at once of one that cannot write, the refusal to start from damaged files. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { type CrashBench, type Crashing, endOf } from './crash-bench.js'

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

/** Ended by itself for its store, its last line saying what happened and what to do: with exit code 4, or killed by its own hand where the disk hangs. The line. */
export async function endedForItsStore(crashing: Crashing, how: { code: 4 | null; signal: 'SIGKILL' | null }): Promise<string> {
  const { output } = crashing
  assert.equal(await endOf(crashing), how, output().slice(-2000))
  const lines = output().trimEnd().split('\n')
  const last = JSON.parse(lines.at(-1) ?? '{}') as { level?: number; code?: string; msg?: string }
  assert.equal([last.level, last.code], [60, 'STORE_FAILED'], output().slice(-2000))
  return last.msg ?? ''
}

/** The real command, as a deployment starts it; `limitBlocks`: no file that it writes gets larger (512 or 1,024 bytes each, as the shell counts). */
export function startByCommand(bench: CrashBench, signer: number, limitBlocks?: number): Crashing {
  const limit = limitBlocks === undefined ? '' : `ulimit -f ${limitBlocks}; `
  return bench.spawn(signer, 'sh', ['-c', `${limit}exec "$0" "$@"`, process.execPath, BIN, 'signer', 'start'])
}

/** The command refuses: exit code 4 and one line. The line. */
export async function refusesToStart(bench: CrashBench, signer: number): Promise<string> {
  const started = startByCommand(bench, signer)
  const { output } = started
  const { code } = await endOf(started)
  assert.is(code, 4, output().slice(-2000))
  const lines = output().trimEnd().split('\n')
  assert.is(lines.length, 1, output())
  return lines[0] ?? ''
}

/** Changes the largest file of a store's records, and answers how it can be put back. */
export function damage(store: string, change: (bytes: Buffer) => Buffer): () => void {
  const folder = join(store, 'records')
  const files = readdirSync(folder)
    .filter((name) => /\.(?:log|ldb)$/.test(name))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(b).size - statSync(a).size)
  const [file = ''] = files
  const before = readFileSync(file)
  assert.ok(before.length > 1000, `${file} has ${before.length} bytes`)
  writeFileSync(file, change(Buffer.from(before)))
  return () => writeFileSync(file, before)
}

/** One bit of the byte in the middle. */
export function flipped(bytes: Buffer): Buffer {
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  return bytes
}
