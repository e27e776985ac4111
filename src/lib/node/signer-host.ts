/**
 * A process full of signers: starts them, ends on a signal or on the failure of any one, and says how it ended. Owns the process's log and exit code; a signer
 * is `running-signer.ts`. Used by `musig signer start` and by the bundled entry that local clusters start.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Logger, pino } from 'pino'
import type { Id } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { loadCrypto } from './crypto.js'
import { Lives } from './lives.js'
import { LocalLinks } from './local-links.js'
import { type Grounds, RunningSigner } from './running-signer.js'
import { type LoadedConfig, loadConfig, Manifests, type SignerConfig } from './signer-config.js'
import { isHanging } from './store.js'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

export interface HostOptions {
  signers: readonly SignerConfig[]
  logLevel?: (typeof LOG_LEVELS)[number] | undefined
  /** `blst` or `noble`; the faster one that loads if absent. */
  bls?: string | undefined
  grounds?: Grounds | undefined
}

/** Stopping takes as long as the last append; if that hangs the process ends all the same. */
const STOP_MS = 5_000

/**
 * Runs signers until SIGTERM, SIGINT or a failure; resolves with the exit code. The log goes to stdout as JSON lines. Errors: those of the start, after the
 * signers that had started were stopped again.
 */
export async function runSigners({ signers, logLevel = 'info', bls, grounds }: HostOptions): Promise<number> {
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
    const all = await startAll(signers, log, bls, grounds, failed)
    const reason = await ended
    return reason instanceof MusigError ? abandon(all, reason, log) : await stopAll(all, reason, log)
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal).off('uncaughtException', onBug).off('unhandledRejection', onBug)
  }
}

async function startAll(
  signers: readonly SignerConfig[],
  log: Logger,
  bls: 'blst' | 'noble' | undefined,
  grounds: Grounds | undefined,
  failed: (error: unknown) => void,
): Promise<Lives[]> {
  const crypto = loadCrypto(bls)
  if (crypto.fallbackReason) log.warn(crypto.fallbackReason)
  const manifests = new Manifests(crypto)
  const version = packageVersion()
  const configs = await Promise.all(signers.map((signer) => loadConfig(signer, crypto, manifests)))
  const local = localLinks(configs)
  const all = configs.map(
    (config, i) =>
      new Lives({
        start: ({ isFirst, startsOver }) =>
          RunningSigner.start({
            // A loss is accepted once: it is not missed any more in the lives after that.
            config: { ...config, acceptLostHistory: isFirst && config.acceptLostHistory },
            crypto,
            log: log.child({ self: config.self }),
            local: local.get(config.manifest.clusterId),
            version,
            ofProcess: i === 0,
            grounds,
            startsOver,
            failed,
          }),
        failed,
      }),
  )
  const started = await Promise.allSettled(all.map((lives) => lives.started))
  const failure = started.find((result) => result.status === 'rejected')
  if (!failure) return all
  await Promise.allSettled(all.map((lives) => lives.end()))
  throw failure.reason
}

/** The links within this process, for each cluster. */
function localLinks(configs: readonly LoadedConfig[]): Map<Id, LocalLinks> {
  const clusters = new Set(configs.map(({ manifest }) => manifest.clusterId))
  return new Map(
    [...clusters].map((clusterId) => {
      const signers = configs.filter(({ manifest }) => manifest.clusterId === clusterId).map(({ self }) => self)
      return [clusterId, new LocalLinks(signers)]
    }),
  )
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
