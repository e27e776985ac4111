/**
 * What a process of signers or of a peer is: it starts lives, ends on a signal or on the failure of any one, and says how it ended. Owns the process's log and exit
 * code; what it starts is the affair of `signer-host.ts` and `peer-host.ts`.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Logger, pino } from 'pino'
import { MusigError } from '../base/errors.js'
import { type LoadedCrypto, loadCrypto } from './crypto.js'
import type { Lives } from './lives.js'
import { isHanging } from './store.js'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What every process may be told. */
export interface ProcessOptions {
  logLevel?: LogLevel | undefined
  /** `blst` or `noble`; the faster one that loads if absent. */
  bls?: string | undefined
}

/** What is given to those that a process starts. */
export interface ProcessContext {
  crypto: LoadedCrypto
  log: Logger
  version: string
  /** One of them has failed for good. */
  failed: (error: unknown) => void
}

/** Stopping takes as long as the last append; if that hangs the process ends all the same. */
const STOP_MS = 5_000

/** The level of a log by its name. Errors: `BAD_INPUT`. */
export function logLevelOf(name: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === name)
  if (!level) throw new MusigError('BAD_INPUT', `--log-level ${name} is none of ${LOG_LEVELS.join(', ')}`)
  return level
}

/**
 * Runs what `start` makes until SIGTERM, SIGINT or a failure; resolves with the exit code. The log goes to stdout as JSON lines. Errors: those of the start, after
 * what had started was stopped again.
 */
export async function runLives({ logLevel = 'info', bls }: ProcessOptions, start: (context: ProcessContext) => Promise<Lives[]>): Promise<number> {
  if (bls !== undefined && bls !== 'blst' && bls !== 'noble')
    throw new MusigError('BAD_INPUT', `“${bls}” does not sign for a process; give --bls blst or --bls noble`)
  const log = pino({ level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 1, sync: true }))
  let end: (reason: MusigError | NodeJS.Signals) => void = () => {}
  const ended = new Promise<MusigError | NodeJS.Signals>((resolve) => {
    end = resolve
  })
  const onSignal = (signal: NodeJS.Signals) => end(signal)
  const onBug = (error: unknown) => end(new MusigError('INTERNAL', error instanceof Error ? (error.stack ?? error.message) : String(error)))
  const failed = (error: unknown) => (error instanceof MusigError ? end(error) : onBug(error))
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('uncaughtException', onBug).on('unhandledRejection', onBug)
  try {
    const crypto = loadCrypto(bls)
    if (crypto.fallbackReason) log.warn(crypto.fallbackReason)
    const all = await started(await start({ crypto, log, version: packageVersion(), failed }))
    const reason = await ended
    return reason instanceof MusigError ? abandon(all, reason, log) : await stopAll(all, reason, log)
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal).off('uncaughtException', onBug).off('unhandledRejection', onBug)
  }
}

/** Waits until all have started, or stops them again. */
async function started(all: Lives[]): Promise<Lives[]> {
  const results = await Promise.allSettled(all.map((lives) => lives.started))
  const failure = results.find((result) => result.status === 'rejected')
  if (!failure) return all
  await Promise.allSettled(all.map((lives) => lives.end()))
  throw failure.reason
}

async function stopAll(all: readonly Lives[], signal: NodeJS.Signals, log: Logger): Promise<number> {
  log.info({ signal }, 'stopping')
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), STOP_MS)
  })
  const stopped = Promise.all(all.map((lives) => lives.end())).then(
    () => true,
    (error: unknown) => {
      log.error({ err: error }, 'could not stop cleanly')
      return false
    },
  )
  const clean = await Promise.race([stopped, late])
  clearTimeout(timer)
  if (clean) return 0
  log.error(`not stopped within ${STOP_MS} ms`)
  return cutOff(4)
}

/** After a failed append nothing may be written or sent any more: no clean stop. */
function abandon(all: readonly Lives[], reason: MusigError, log: Logger): number {
  log.fatal({ code: reason.code }, reason.message)
  if (isHanging(reason)) return cutOff(reason.exitCode)
  for (const lives of all) lives.forget()
  return reason.exitCode
}

/** Ends this process where the disk hangs: an exit would wait for the threads that wait for the disk, with all links open. The code is for whoever is not killed. */
function cutOff(exitCode: number): number {
  process.kill(process.pid, 'SIGKILL')
  return exitCode
}

/** The version in the nearest package.json: this file stands at one depth in the bundle and at another one beside the other modules. */
function packageVersion(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      if (name === 'musig-paxos') return String(version)
    } catch {
      // Not in this folder.
    }
    if (folder === dirname(folder)) return 'unknown'
  }
}
