/**
 * The metrics of one signer or peer, in Prometheus' form. Owns the names of those that both have; each has a registry of its own, for several signers may share a
 * process. Metrics of the process itself (memory, event loop) are added for one of them.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Effect, Event, ExecutedBatch } from '../core/steppable.js'
import type { Subject } from './answers.js'
import type { DriverObserver } from './driver.js'
import type { Outcome } from './executor.js'
import type { TransportMetrics } from './link.js'
import type { SinkStatus } from './sinks/feed.js'

/** What is read when the metrics are asked for, not counted on the way. */
export interface MetricsSources {
  subject: Subject
  /** Effects that wait for an append. */
  gathered: () => number
  links: () => Readonly<TransportMetrics>
  /** Bytes that wait on all links to signers. */
  queuedBytes: () => number
}

const LATENCY_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const APPEND_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1]
const APPLY_SECONDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 10]

/** The counters of links, by the name they have in the transport. */
const LINK_COUNTERS: Partial<Record<keyof TransportMetrics, { name: string; help: string }>> = {
  bytesIn: { name: 'musig_link_received_bytes_total', help: 'Bytes received on links' },
  bytesOut: { name: 'musig_link_sent_bytes_total', help: 'Bytes sent on links' },
  framesIn: { name: 'musig_link_received_messages_total', help: 'Protocol messages received' },
  framesOut: { name: 'musig_link_sent_messages_total', help: 'Protocol messages sent' },
  droppedUnconnected: { name: 'musig_link_dropped_unconnected_total', help: 'Messages dropped because there was no link' },
  droppedFull: { name: 'musig_link_dropped_full_total', help: 'Messages dropped because a send queue was full' },
  droppedFaulty: { name: 'musig_link_dropped_faulty_total', help: 'Messages lost to faults put on links of a test cluster' },
  connects: { name: 'musig_link_connects_total', help: 'Links opened' },
  disconnects: { name: 'musig_link_disconnects_total', help: 'Links closed' },
  refused: { name: 'musig_link_refused_total', help: 'Connections that did not become links' },
  secondSessions: { name: 'musig_link_second_sessions_total', help: 'Links refused because an older session of the same signer was alive' },
  malformed: { name: 'musig_link_malformed_total', help: 'Links closed for malformed frames' },
  dead: { name: 'musig_link_dead_total', help: 'Links closed because nothing was heard on them' },
}

export class Metrics implements DriverObserver {
  readonly #registry = new Registry()
  readonly #transactions: Counter<'result'>
  readonly #batches: Counter<'path'>
  readonly #messages: Counter<'type'>
  readonly #events: Counter<'type'>
  readonly #malformed: Counter
  readonly #suspicions: Counter<'suspect'>
  readonly #evidence: Counter<'kind'>
  readonly #latency: Histogram
  readonly #append: Histogram
  readonly #apply: Histogram
  readonly #records: Counter

  /** `self`: whose they are; `ofProcess`: whether the figures of the whole process are among these. */
  constructor(self: string, ofProcess: boolean) {
    const registers = [this.#registry]
    this.#registry.setDefaultLabels({ self })
    if (ofProcess) collectDefaultMetrics({ register: this.#registry })
    const labelled = <T extends string>(name: string, help: string, label: T) => new Counter({ name, help, labelNames: [label] as const, registers })
    this.#transactions = labelled('musig_transactions_total', 'Executed transactions, by what came of them', 'result')
    this.#batches = labelled('musig_batches_total', 'Executed batches, by the path that committed them', 'path')
    this.#messages = labelled('musig_messages_total', 'Messages received, by type', 'type')
    this.#events = labelled('musig_steps_total', 'Steps of the core, by event', 'type')
    this.#suspicions = labelled('musig_suspicions_total', 'Times that a signer was seen late, silent or wrong, without proof', 'suspect')
    this.#evidence = labelled('musig_evidence_total', 'Proofs that signers broke the protocol', 'kind')
    this.#malformed = new Counter({ name: 'musig_malformed_messages_total', help: 'Messages that could not be read', registers })
    this.#records = new Counter({ name: 'musig_store_records_total', help: 'Records made durable', registers })
    this.#latency = new Histogram({
      name: 'musig_latency_seconds',
      help: 'From the submission of a transaction here to its execution here',
      buckets: LATENCY_SECONDS,
      registers,
    })
    this.#append = new Histogram({
      name: 'musig_store_append_seconds',
      help: 'Duration of a durable append',
      buckets: APPEND_SECONDS,
      registers,
    })
    this.#apply = new Histogram({
      name: 'musig_machine_apply_seconds',
      help: 'How long the state machine took for a transaction',
      buckets: APPLY_SECONDS,
      registers,
    })
  }

  /** Adds what is read at each request, of a signer and a peer alike. */
  watch({ subject, gathered, links, queuedBytes }: MetricsSources): void {
    this.gauge('musig_waiting_batches', 'Committed batches that wait for others', () => subject.journal.waiting.size)
    this.gauge('musig_gathered_effects', 'Effects that wait for a durable append', gathered)
    this.gauge('musig_send_queue_bytes', 'Bytes that wait on all links to signers', queuedBytes)
    const { sinks } = subject
    this.#sinkGauge('musig_sink_ready', 'Whether the sink takes what is executed', sinks, ({ state }) => Number(state === 'ready'))
    this.#sinkGauge('musig_sink_position', 'Transactions that the sink holds', sinks, ({ position }) => position)
    this.#sinkGauge('musig_sink_behind', 'Executed transactions that the sink does not hold yet', sinks, ({ behind }) => behind)
    const { watch } = subject.executor.machine
    watch.onApplied = (durationMs) => this.#apply.observe(durationMs / 1000)
    new Counter({
      name: 'musig_machine_failures_total',
      help: 'Calls in which the state machine failed',
      labelNames: ['call'],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const [call, count] of Object.entries(watch.report().failures)) this.inc({ call }, count)
      },
    })
    for (const [key, { name, help }] of Object.entries(LINK_COUNTERS)) {
      new Counter({
        name,
        help,
        registers: [this.#registry],
        collect() {
          this.reset()
          this.inc(links()[key as keyof TransportMetrics])
        },
      })
    }
  }

  stepped(event: Event, effects: readonly Effect[]): void {
    this.#events.inc({ type: event.type })
    if (event.type === 'message') this.#messages.inc({ type: event.message.type })
    for (const effect of effects) {
      if (effect.type === 'suspect') this.suspected(effect.signer)
      if (effect.type === 'accuse') this.#evidence.inc({ kind: effect.evidence.type })
    }
  }

  /** A signer was seen late, silent or wrong. */
  suspected(signer: number): void {
    this.#suspicions.inc({ suspect: String(signer) })
  }

  appended(records: number, durationMs: number): void {
    this.#records.inc(records)
    this.#append.observe(durationMs / 1000)
  }

  refused(): void {
    this.#malformed.inc()
  }

  /** A batch was executed, with what came of its transactions. */
  executed({ certificate }: ExecutedBatch, outcomes: readonly Outcome[]): void {
    this.#batches.inc({ path: certificate.type })
    let ok = 0
    for (const { receipt, latencyMs } of outcomes) {
      if (receipt.ok) ok++
      if (latencyMs !== undefined) this.#latency.observe(latencyMs / 1000)
    }
    const refused = outcomes.length - ok
    if (ok > 0) this.#transactions.inc({ result: 'ok' }, ok)
    if (refused > 0) this.#transactions.inc({ result: 'refused' }, refused)
  }

  async text(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() }
  }

  /** One figure for each sink, where it is known. */
  #sinkGauge(name: string, help: string, sinks: () => SinkStatus[], read: (sink: SinkStatus) => number | null): void {
    new Gauge({
      name,
      help,
      labelNames: ['sink'],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const sink of sinks()) {
          const value = read(sink)
          if (value !== null) this.set({ sink: sink.name }, value)
        }
      },
    })
  }

  /** Adds a figure that is read at each request. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read())
      },
    })
  }
}
