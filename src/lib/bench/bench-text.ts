/** A benchmark's figures as rows for a person. */
import type { BenchResult } from './bench.js'

/** What was reached, what it cost, and what this machine can do at best: name and figure. */
export function benchRows(result: BenchResult): [what: string, figure: string][] {
  const { latencyMs: l, floors, settings } = result
  const errors = Object.entries(result.errors).map(([code, count]) => `${count} ${code}`)
  return [
    [
      'sent',
      `${settings.rate === null ? `by ${settings.clients} clients` : `${settings.rate} a second`}${settings.group > 1 ? `, ${settings.group} in a request` : ''}`,
    ],
    ...(result.interrupted ? [['broken off', `after ${result.seconds} s of ${settings.seconds} s`] as [string, string]] : []),
    ['executed', `${countText(result.executed)}, ${countText(result.perSecond)} a second`],
    ['refused by the machine', countText(result.refused)],
    ['without an answer', errors.length > 0 ? errors.join(', ') : '0'],
    ['latency', `p50 ${msText(l.p50)} · p90 ${msText(l.p90)} · p99 ${msText(l.p99)} · p99.9 ${msText(l.p999)} · most ${msText(l.max)}`],
    [
      'phases, mean',
      Object.entries(result.phasesMs)
        .map(([phase, value]) => `${phase} ${msText(value)}`)
        .join(' · ') || '-',
    ],
    ...costRows(result),
    ['the client', `${result.clientCpuMsPerTransaction} ms of CPU a transaction`],
    [
      'this machine',
      `${floors.cores} cores · ${floors.bls} sign ${msText(floors.blsSignMs)}, verify ${msText(floors.blsVerifyMs)} · ed25519 verify ${msText(floors.ed25519VerifyMs)} · SHA-256 of 64 KiB ${msText(floors.sha256Ms)} · round trip ${msText(floors.roundTripMs)} · durable 4 KiB ${msText(floors.durableWriteMs)}`,
    ],
  ]
}

/** What the signers' metrics tell; one row that says why where they cannot be read. */
function costRows({ batches, perSigner, memoryBytes, ofSigningFloor, usageFault }: BenchResult): [what: string, figure: string][] {
  if (!batches || !perSigner) return [['batches, each signer', `unknown: ${usageFault}`]]
  return [
    [
      'batches',
      `${countText(batches.perSecond)} a second, ${batches.transactions} transactions each; ${countText(batches.fast)} fast, ${countText(batches.slow)} in phase 3 or later`,
    ],
    ['batches of what signing allows', `${Math.round(1000 * (ofSigningFloor ?? 0)) / 10} %`],
    [
      'each signer',
      `${perSigner.cpuMsPerTransaction} ms of CPU and ${countText(perSigner.sentBytesPerTransaction)} bytes sent a transaction; ${perSigner.messagesPerBatch} messages and ${perSigner.appendsPerBatch} durable writes a batch`,
    ],
    ['memory', `${Math.round((memoryBytes ?? 0) / 2 ** 20)} MiB in the largest process`],
  ]
}

/** A figure for a person: three places at most below 100, whole above. */
export function countText(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(value)
}

/** Milliseconds for a person. */
export function msText(value: number): string {
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ms`
}
