/**
 * The processes of a cluster: which run, starting one, ending them. A process is known by its command line, which names a file in the cluster's folder, and
 * never by a number that was written down: numbers are given to others after a crash. So a stale number harms nobody, and a process that no record names is found.
 */
import { closeSync, existsSync, openSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MusigError } from '../base/errors.js'
import type { ClusterFolder } from './cluster-folder.js'

/** A running process of a cluster. */
export interface ClusterProcess {
  pid: number
  /** The name of its file and log: `3`, `0-31` for several signers, `peer-0`. */
  name: string
}

/** A process that was just started. */
export interface StartedProcess extends ClusterProcess {
  /** Whether it has ended since. */
  readonly ended: boolean
}

/** How long a process may take to end by itself; it gives up on a hanging disk a little earlier. */
const TERM_MS = 6_000
/** How long the system may take to end one. */
const KILL_MS = 3_000
const LOOK_MS = 25

/** Where each signer has a process of its own: half of the usual young generation saves memory in each. A smaller one, or this one in a process full of signers or a peer that catches up, collects too often. */
const ALONE_FLAGS = ['--max-semi-space-size=8']

/** The running processes of a cluster. Zombies, which have ended but were not collected, are not among them. */
export async function processesOf(folder: ClusterFolder): Promise<ClusterProcess[]> {
  const lines = existsSync('/proc/self/cmdline') ? await linesOfProc() : await linesOfPs()
  return lines.flatMap(({ pid, line }) => {
    const name = nameIn(line, folder)
    return name !== undefined && pid !== process.pid ? [{ pid, name }] : []
  })
}

/** The name of the cluster's process with this command line, if it is one. */
function nameIn(line: string, folder: ClusterFolder): string | undefined {
  for (const flag of ['--pack', '--peer']) {
    const prefix = `${flag}\0${folder.processesFolder}/`
    const at = line.indexOf(prefix)
    const name = at < 0 ? undefined : /^(\d+(?:-\d+)?|peer-\d+)\.json/.exec(line.slice(at + prefix.length))?.[1]
    if (name !== undefined) return name
  }
  return undefined
}

/** Those of them that are not paused. */
export async function awakeProcesses(folder: ClusterFolder): Promise<ClusterProcess[]> {
  const running = await processesOf(folder)
  const paused = await Promise.all(running.map(({ pid }) => isPaused(pid)))
  return running.filter((_, i) => !paused[i])
}

/** Starts a process that goes on when this one ends. It writes to the log by itself; `folder.processesFolder` holds its file already. */
export async function startProcess(folder: ClusterFolder, name: string, log: string): Promise<StartedProcess> {
  const { execa } = await import('execa')
  // execa's types know descriptors up to 9 only.
  const descriptor = openSync(log, 'a', 0o600) as 9
  try {
    const flag = isPeer(name) ? '--peer' : '--pack'
    const args = [...(isAlone(name) ? ALONE_FLAGS : []), ...entryOf(name), flag, join(folder.processesFolder, `${name}.json`)]
    // Raw descriptors: anything else would end with this process. The folder is nobody's current one, so that it can be removed.
    const started = execa(process.execPath, args, {
      detached: true,
      cleanup: false,
      reject: false,
      stdin: 'ignore',
      stdout: descriptor,
      stderr: descriptor,
      cwd: '/',
    })
    const { pid } = started
    if (pid === undefined)
      throw new MusigError('INTERNAL', `${process.execPath} could not be started: ${(await started).message ?? 'unknown reason'}`)
    started.unref()
    let ended = false
    started.once('exit', () => {
      ended = true
    })
    return {
      pid,
      name,
      get ended() {
        return ended
      },
    }
  } finally {
    closeSync(descriptor)
  }
}

/** Ends processes: asks them to, and after some seconds makes them. `told` hears how many are left. Errors: `INTERNAL` with those that cannot be ended. */
export async function stopProcesses(
  folder: ClusterFolder,
  doomed: readonly ClusterProcess[],
  told: (left: number) => void = () => {},
): Promise<void> {
  for (const { pid } of doomed) {
    send(pid, 'SIGTERM')
    // One that was paused hears it only then.
    send(pid, 'SIGCONT')
  }
  const left = await waitForEnd(folder, doomed, TERM_MS, told)
  if (left.length > 0) await killProcesses(folder, left)
}

/** Ends processes at once, as a crash would. Errors: `INTERNAL` with those that cannot be ended. */
export async function killProcesses(folder: ClusterFolder, doomed: readonly ClusterProcess[]): Promise<void> {
  for (const { pid } of doomed) send(pid, 'SIGKILL')
  const left = await waitForEnd(folder, doomed, KILL_MS)
  if (left.length > 0) throw new MusigError('INTERNAL', `cannot end the processes ${left.map(({ pid }) => pid).join(', ')}`)
}

/** Stops processes where they are, or lets them go on. Those that ended meanwhile are passed over. */
export async function setPaused(processes: readonly ClusterProcess[], paused: boolean): Promise<void> {
  for (const { pid } of processes) send(pid, paused ? 'SIGSTOP' : 'SIGCONT')
  const deadline = performance.now() + KILL_MS
  // The system stops a process a moment after it was told to.
  for (const { pid } of processes)
    while ((await isPaused(pid)) !== paused && isThere(pid) && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
}

/** Whether a process was stopped by a signal, so that it neither runs nor ends until it is told to go on. */
export async function isPaused(pid: number): Promise<boolean> {
  if (existsSync('/proc/self/stat')) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    // The name before the state stands in brackets, and may hold brackets itself.
    return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  }
  const { execa } = await import('execa')
  const { stdout = '' } = await execa('ps', ['-o', 'state=', '-p', String(pid)], { reject: false })
  return /^\s*T/.test(stdout)
}

async function waitForEnd(
  folder: ClusterFolder,
  doomed: readonly ClusterProcess[],
  timeoutMs: number,
  told: (left: number) => void = () => {},
): Promise<ClusterProcess[]> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const pids = new Set((await processesOf(folder)).map(({ pid }) => pid))
    const left = doomed.filter(({ pid }) => pids.has(pid))
    told(left.length)
    if (left.length === 0 || performance.now() > deadline) return left
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Ended meanwhile.
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function isAlone(name: string): boolean {
  return /^\d+$/.test(name)
}

/** Whether a process of this name is that of a peer. */
export function isPeer(name: string): boolean {
  return name.startsWith('peer-')
}

/** What Node is given to run signers or a peer: the bundle where it was built, else the module beside this one. */
function entryOf(name: string): string[] {
  const role = isPeer(name) ? 'peer' : 'signer'
  const here = fileURLToPath(import.meta.url)
  // From the sources, as `npm run dev` does, no build that may be old is run.
  if (here.endsWith('.ts')) return ['--import', import.meta.resolve('tsx'), join(dirname(here), `../node/${role}-process.ts`)]
  const bundle = join(dirname(here), `../../${role}.js`)
  return [existsSync(bundle) ? bundle : join(dirname(here), `../node/${role}-process.js`)]
}

/** The command lines of this machine, arguments parted by NUL bytes. */
async function linesOfProc(): Promise<{ pid: number; line: string }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(
    // A process may end while it is looked at.
    pids.map(async (pid) => ({ pid: Number(pid), line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })),
  )
  return lines
}

async function linesOfPs(): Promise<{ pid: number; line: string }[]> {
  const { execa } = await import('execa')
  const { stdout } = await execa('ps', ['-A', '-ww', '-o', 'pid=,args='])
  return stdout.split('\n').flatMap((row) => {
    const [, pid, args] = /^\s*(\d+)\s+(.*)$/.exec(row) ?? []
    return pid === undefined || args === undefined ? [] : [{ pid: Number(pid), line: args.replace(/ (--pack|--peer) /, ' $1\0') }]
  })
}
