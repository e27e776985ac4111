/**
 * Distances between regions of public clouds, for runs over a wide area. The figures are round-trip times in milliseconds as providers and public monitors of
 * their networks usually show them, rounded: typical ones, not measured by this project, and other by some percent in any year and on any route.
 */
import type { Timing } from '../core/manifest.js'
import type { Scenario } from './scenario.js'

/** The regions in the order in which runs use them: the first few lie on three continents already. */
export const REGIONS = ['Virginia', 'Ireland', 'Tokyo', 'Oregon', 'Frankfurt', 'Singapore', 'São Paulo', 'Mumbai'] as const

/** Round trips from each region to those before it and, last, within it. */
const ROUND_TRIPS_MS: readonly (readonly number[])[] = [
  [1],
  [68, 1],
  [148, 200, 1],
  [65, 120, 98, 1],
  [92, 25, 225, 145, 1],
  [220, 175, 70, 165, 160, 1],
  [115, 178, 257, 175, 202, 325, 1],
  [190, 122, 125, 220, 110, 58, 300, 1],
]

/** The way between two regions, by their places in `REGIONS`, and back. */
function roundTripMs(a: number, b: number): number {
  return ROUND_TRIPS_MS[Math.max(a, b)]?.[Math.min(a, b)] ?? 0
}

/** What the regions of two hosts add to a message between them. */
export function distanceMs({ regions, regionMs, wideArea }: Pick<Scenario, 'regions' | 'regionMs' | 'wideArea'>, from: number, to: number): number {
  if (regions < 2) return 0
  const [a, b] = [from % regions, to % regions]
  if (wideArea) return roundTripMs(a, b) / 2
  return a === b ? 0 : regionMs
}

/** The longest round trip between the first `count` regions. */
export function longestRoundTripMs(count: number): number {
  return Math.max(0, ...ROUND_TRIPS_MS.slice(0, count).flat())
}

/** Patience for a wide area: a hop takes up to 163 ms there and a tree of 1,023 signers has nine of them, so that what is lost shows later. */
export const WIDE_AREA_TIMING: Partial<Timing> = { hopTimeoutMs: 4000, orderWaitMs: 200, sequenceWaitMs: 1000, recoveryTimeoutMs: 30_000 }
