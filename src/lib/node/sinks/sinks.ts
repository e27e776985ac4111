/**
 * All sinks of one node: made from what the command line says, started and stopped together. Owns what the node asks of them at once: how they do, and whether
 * what is about to be pruned was taken by all. Each sink's own life is `feed.ts`.
 */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { invariant, unreachable } from '../../base/errors.js'
import type { ExecutedLog } from '../executed-log.js'
import type { Executor } from '../executor.js'
import { SinkFeed, type SinkStatus } from './feed.js'
import { JsonlSink } from './jsonl.js'
import { PostgresSink } from './postgres.js'
import type { Sink } from './sink.js'
import type { SinkSpec } from './sink-spec.js'
import { WebhookSink } from './webhook.js'

/** What of a node's configuration its sinks are made of. */
export interface SinksConfig {
  sinks: readonly SinkSpec[]
  manifest: { clusterId: string; name: string }
  /** Where positions are kept of sinks that cannot tell by themselves. */
  store: string
}

/** A sink that does not end what it does within this time is left alone: what it did is found out at the next start. */
const STOP_MS = 2_000

export class Sinks {
  readonly #feeds: readonly SinkFeed[]
  readonly #log: ExecutedLog | undefined

  /** The executor must keep its log where there are sinks. */
  constructor(config: SinksConfig, { log }: Pick<Executor, 'log'>, logger: Logger) {
    this.#log = log
    this.#feeds = config.sinks.map((spec) => {
      invariant(log, 'an executor that feeds sinks keeps its log')
      const { name, type, target } = spec
      const { clusterId } = config.manifest
      return new SinkFeed({ sink: sinkOf(spec, config), log, clusterId, label: { name, type, target }, changed: (status) => tell(logger, status) })
    })
  }

  /** Begins to feed them: once the records of an earlier life are taken back. */
  start(): void {
    for (const feed of this.#feeds) feed.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#feeds.map((feed) => feed.stop(STOP_MS)))
  }

  get status(): SinkStatus[] {
    return this.#feeds.map(({ status }) => status)
  }

  /** Whether every sink has all transactions of the first so many batches: only then may these be pruned. */
  haveTaken(batches: number): boolean {
    const transactions = this.#log?.countOf(batches) ?? 0
    return this.#feeds.every(({ taken }) => taken >= transactions)
  }
}

function sinkOf(spec: SinkSpec, { manifest: { clusterId, name: cluster }, store }: SinksConfig): Sink {
  switch (spec.type) {
    case 'jsonl':
      return new JsonlSink(spec.path, { clusterId, cluster })
    case 'postgres':
      return new PostgresSink({ ...spec, clusterId, cluster })
    case 'webhook':
      return new WebhookSink({ ...spec, positionFile: join(store, 'sinks', `${spec.name}.json`), clusterId })
    default:
      return unreachable(spec)
  }
}

function tell(logger: Logger, { name, type, target, state, position, behind, lastError }: SinkStatus): void {
  const fields = { sink: name, type, target, state, position, behind }
  if (state === 'ready') logger.info(fields, 'the sink takes what is executed')
  else if (state === 'stopped') logger.error(fields, `the sink has stopped until this node is started again: ${lastError}`)
  else logger.warn(fields, `the sink does not take what is executed: ${lastError}`)
}
