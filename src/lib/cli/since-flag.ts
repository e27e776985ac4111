/** A time in the past as a flag names it: how long ago (`90s`, `10m`, `2h`, `1d`), or a date. */
import { Flags } from '@oclif/core'
import { MusigError } from '../base/errors.js'

const UNITS_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds since 1970. Errors: `BAD_INPUT`. */
export const sinceFlag = Flags.custom<number>({ parse: async (typed) => sinceOf(typed, Date.now()) })

/** The time that was typed; `now` in milliseconds since 1970. Errors: `BAD_INPUT`. */
export function sinceOf(typed: string, now: number): number {
  const [, number, unit = ''] = /^(\d{1,9})([smhd])$/.exec(typed) ?? []
  if (number !== undefined) return now - Number(number) * (UNITS_MS[unit] ?? 0)
  const date = /^\d{4}-\d\d-\d\d/.test(typed) ? Date.parse(typed) : Number.NaN
  if (Number.isNaN(date)) throw new MusigError('BAD_INPUT', `“${typed.slice(0, 40)}” is no time; write 10m, 2h, 1d or 2026-01-31T12:00`)
  return date
}
