/**
 * All sinks of one node: made from what the command line says, started and stopped together. Owns what the node asks of them at once: how they do, and whether
 * what is about to be pruned was taken by all. Each sink's own life is `feed.ts`.
 */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { unreachable } from '../../base/errors.js'
import type { ExecutedLog } from '../executed-log.js'
import { SinkFeed, type SinkStatus } from './feed.js'
import { JsonlSink } from './jsonl.js'
import { PostgresSink } from './postgres.js'
import type { Sink } from './sink.js'
import type { SinkSpec } from './sink-spec.js'
import { WebhookSink } from './webhook.js'

export interface SinksOptions {
  specs: readonly SinkSpec[]
  log: ExecutedLog
  clusterId: string
  /** The cluster's name. */
  cluster: string
  /** The node's store, where positions are kept of sinks that cannot tell. */
  store: string
  logger: Logger
}

/** A sink that does not end what it does within this time is left alone: what it did is found out at the next start. */
const STOP_MS = 2_000

export class Sinks {
  readonly #feeds: readonly SinkFeed[]
  readonly #log: ExecutedLog

  constructor({ specs, log, clusterId, cluster, store, logger }: SinksOptions) {
    this.#log = log
    this.#feeds = specs.map(
      (spec) =>
        new SinkFeed({
          sink: sinkOf(spec, { clusterId, cluster, store }),
          log,
          clusterId,
          label: { name: spec.name, type: spec.type, target: spec.target },
          changed: (status) => tell(logger, status),
        }),
    )
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
    const transactions = this.#log.countOf(batches)
    return this.#feeds.every(({ taken }) => taken >= transactions)
  }
}

function sinkOf(spec: SinkSpec, { clusterId, cluster, store }: { clusterId: string; cluster: string; store: string }): Sink {
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
