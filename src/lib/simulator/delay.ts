/** How long things take: delay distributions, as a person writes them and as the simulator draws from them. */
import { shorten } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import type { SeededRandom } from '../base/prng.js'
import { onGrid } from './timeline.js'

/** A distribution of delays in milliseconds. */
export type Delay =
  | { type: 'constant'; ms: number }
  | { type: 'uniform'; lowMs: number; highMs: number }
  | { type: 'exponential'; meanMs: number }
  | { type: 'lognormal'; medianMs: number; sigma: number }

const NUMBER = String.raw`(\d+(?:\.\d+)?)`
const FORMS: [RegExp, (a: number, b: number) => Delay][] = [
  [new RegExp(`^${NUMBER}$`), (ms) => ({ type: 'constant', ms })],
  [new RegExp(`^${NUMBER}-${NUMBER}$`), (lowMs, highMs) => ({ type: 'uniform', lowMs, highMs })],
  [new RegExp(`^exp:${NUMBER}$`), (meanMs) => ({ type: 'exponential', meanMs })],
  [new RegExp(`^lognormal:${NUMBER}:${NUMBER}$`), (medianMs, sigma) => ({ type: 'lognormal', medianMs, sigma })],
]

/** The longest delay that a distribution may name, in milliseconds. */
const MAX_MS = 600_000

/** Reads `5` (constant), `2-20` (uniform), `exp:10` (mean) or `lognormal:10:0.5` (median, sigma). Errors: `BAD_INPUT`. */
export function parseDelay(text: string): Delay {
  for (const [pattern, make] of FORMS) {
    const match = pattern.exec(text)
    if (!match) continue
    const [a, b] = [Number(match[1]), Number(match[2])]
    if (a > MAX_MS || b > MAX_MS) throw new MusigError('BAD_INPUT', `a delay of “${shorten(text)}” is above ${MAX_MS} ms`)
    const delay = make(a, b)
    if (delay.type === 'uniform' && delay.highMs < delay.lowMs) break
    if (delay.type === 'lognormal' && delay.sigma > 4) break
    return delay
  }
  throw new MusigError('BAD_INPUT', `“${shorten(text)}” is no delay; write 5, 2-20, exp:10 or lognormal:10:0.5 (milliseconds)`)
}

/** The longest delay that can be drawn; infinite where there is no bound. */
export function longestMs(delay: Delay): number {
  switch (delay.type) {
    case 'constant':
      return delay.ms
    case 'uniform':
      return delay.highMs
    default:
      return Number.POSITIVE_INFINITY
  }
}

/** Draws a delay, at most ten minutes. */
export function drawMs(delay: Delay, random: SeededRandom): number {
  return onGrid(Math.min(MAX_MS, drawn(delay, random)))
}

function drawn(delay: Delay, random: SeededRandom): number {
  switch (delay.type) {
    case 'constant':
      return delay.ms
    case 'uniform':
      return delay.lowMs + (delay.highMs - delay.lowMs) * random.fraction()
    case 'exponential':
      return -delay.meanMs * Math.log(1 - random.fraction())
    case 'lognormal':
      return delay.medianMs * Math.exp(delay.sigma * normal(random))
  }
}

/** A standard normal number (Box and Muller 1958). */
function normal(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction())
}
