/** The steps of a ramp as a table for a person, and what follows from them as sentences. */
import { countText, msText } from './bench-text.js'
import type { RampResult, RampStep } from './ramp.js'

/** The heading of the table. */
export const RAMP_HEAD = ['load', 'a second', 'growth', 'p50', 'p99', 'fast', 'without an answer']

/** A row for each step, the open loop last. */
export function rampRows({ steps, knee, loaded }: RampResult): (string | number)[][] {
  const rows = steps.map((step, i) => [
    ...[`${step.clients} ${step.clients === 1 ? 'client' : 'clients'}${step === knee ? ', the knee' : ''}`, countText(step.perSecond)],
    ...[growthText(steps[i - 1], step), ...commonCells(step)],
  ])
  if (!loaded) return rows
  return [...rows, [`${countText(loaded.rate ?? 0)} a second, open`, countText(loaded.perSecond), '', ...commonCells(loaded)]]
}

/** Where it is saturated, and what latencies are below that. */
export function rampSentences({ steps, knee, saturated, loaded, interrupted }: RampResult): string[] {
  if (interrupted && !knee) return [`Broken off after ${steps.length} steps, before throughput ended growing.`]
  if (!knee) return []
  const where = `${countText(knee.perSecond)} transactions a second with ${knee.clients} clients`
  return [
    saturated ? `Saturated at ${where}.` : `Not saturated: ${where}, the most there can be.`,
    ...(loaded
      ? [
          `At ${Math.round(100 * loaded.share)} % of that, in an open loop: p50 ${msText(loaded.latencyMs.p50)}, p99 ${msText(loaded.latencyMs.p99)}, ${Number(loaded.p99OfP50.toPrecision(3))} times as long.`,
        ]
      : []),
  ]
}

function commonCells({ latencyMs, fastShare, errors }: RampStep): (string | number)[] {
  return [msText(latencyMs.p50), msText(latencyMs.p99), `${Math.round(100 * fastShare)} %`, errors]
}

function growthText(before: RampStep | undefined, step: RampStep): string {
  if (!before || before.perSecond === 0) return ''
  const percent = Math.round(100 * (step.perSecond / before.perSecond - 1))
  return `${percent > 0 ? '+' : ''}${percent} %`
}
