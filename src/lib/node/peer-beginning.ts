/**
 * The first life of a peer that begins from a snapshot: the core's `Beginning` with a state machine to rehearse on, apart from the one that readers see, and the
 * end of it, which puts what is confirmed in the store, all at once. Then another life starts from there.
 */
import type { Logger } from 'pino'
import { MusigError } from '../base/errors.js'
import { Beginning, type BeginningOptions } from '../core/beginning.js'
import type { Manifest } from '../core/manifest.js'
import { encodeSnapshot } from '../core/snapshot.js'
import type { Stage } from '../core/stage.js'
import type { Effect } from '../core/steppable.js'
import { encodeMachine, makeBase, outcomesOf, statedDigest } from './base.js'
import { Executor } from './executor.js'
import type { LoadedMachine } from './machine-file.js'
import type { SignerStore } from './store.js'
import { toldAt } from './told-past.js'

export interface PeerBeginningOptions extends Omit<BeginningOptions, 'stage'> {
  manifest: Manifest
  /** One of its own, for the rehearsal; ended with it. */
  machine: LoadedMachine
  store: Pick<SignerStore, 'begin'>
  log: Logger
  /** What is confirmed is durable: the next life goes on from it. */
  done: () => void
  /** It cannot be made durable. */
  failed: (error: MusigError) => void
}

/** How often the log says that nothing is confirmed yet, in milliseconds. */
const REMIND_MS = 60_000

export class PeerBeginning {
  readonly steppable: Beginning
  readonly #options: PeerBeginningOptions
  readonly #executor: Executor
  #told = ''
  #remindedAt = performance.now()

  constructor(options: PeerBeginningOptions) {
    const { machine } = options
    this.#options = options
    this.#executor = new Executor(machine)
    this.steppable = new Beginning({ ...options, stage: stageOf(this.#executor) })
  }

  close(): void {
    this.#executor.machine.close()
  }

  /** After each step of it. */
  stepped(effects: readonly Effect[]): void {
    this.#tell()
    for (const effect of effects) if (effect.type === 'begin') this.#begin(effect)
  }

  #tell(): void {
    const { phase, signer, ...progress } = this.steppable.progress
    const { log } = this.#options
    if (phase === 'over') return
    if (`${phase} ${signer}` !== this.#told) log.info({ signer, ...progress }, WORDS[phase])
    else if (performance.now() - this.#remindedAt > REMIND_MS) log.warn({ signer, ...progress }, `no snapshot is confirmed yet: ${WORDS[phase]}`)
    else return
    this.#told = `${phase} ${signer}`
    this.#remindedAt = performance.now()
  }

  #begin({ executed, past, confirmedBy }: Effect & { type: 'begin' }): void {
    const { manifest, store, log, done, failed } = this.#options
    const journal = encodeSnapshot(manifest.clusterId, { executed, hasRejoined: false, changes: [], sequences: [], open: [] })
    const machine = unlessFailed(() => encodeMachine(this.#executor.machine), undefined)
    if (!machine) return
    const base = makeBase({ records: 0, past, journal, machine })
    store.begin(base).then(
      () => {
        log.info({ executed, confirmedBy, bytes: base.snapshot.length }, 'begins from a snapshot that enough signers have confirmed')
        done()
      },
      (error: unknown) => failed(error instanceof MusigError ? error : new MusigError('STORE_FAILED', String(error), { cause: error })),
    )
  }
}

const WORDS = {
  choosing: 'no signer within reach has a snapshot for it',
  asking: 'asks for a snapshot',
  fetching: 'fetches a snapshot',
  rehearsing: 'compares what follows from a snapshot with what signers say',
} as const

function stageOf(executor: Executor): Stage {
  return {
    restore: (past, state, logs) => executor.restore(outcomesOf(past), { state, executedBatches: logs.executed.length, logs }),
    execute: (executed) =>
      unlessFailed(() => {
        executor.execute(executed)
        return toldAt(executor, executor.executedBatches - 1, executed.batch)
      }, []),
    // None is nobody's.
    machineDigest: () => unlessFailed(() => statedDigest(executor), undefined) ?? '',
  }
}

/** What a state machine that has failed for good answers no more: whoever loaded it hears of that, and ends this life. */
function unlessFailed<T>(work: () => T, otherwise: T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof MusigError && error.code === 'MACHINE_FAILED') return otherwise
    throw error
  }
}
