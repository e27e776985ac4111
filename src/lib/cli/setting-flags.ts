/** Flags made from a list of settings, for commands that share many of them: what a setting is comes from the library, how it is given is decided here. */
import { Flags, type Interfaces } from '@oclif/core'
import { MusigError } from '../base/errors.js'

/** A setting that can be given by flag; `usual` is shown, and not set, where the flag is not given. */
export interface SettingFlag {
  flag: string
  kind: 'whole' | 'number' | 'switch' | 'text' | 'choice'
  summary: string
  usual: unknown
  choices?: readonly string[]
  letter?: 'n'
}

type Flag = Interfaces.Flag<unknown>

const number = Flags.custom<number>({
  parse: async (input) => {
    const value = Number(input)
    if (input.trim() === '' || !Number.isFinite(value) || value < 0) throw new MusigError('BAD_INPUT', `“${input}” is not a number ≥ 0`)
    return value
  },
})

/** The flags of these settings, under a heading of their own in the help. */
export function settingFlags(settings: readonly SettingFlag[]): Record<string, Flag> {
  return Object.fromEntries(settings.map((setting) => [setting.flag, flagFor(setting)]))
}

function flagFor({ kind, summary, usual, choices, letter }: SettingFlag): Flag {
  const described = typeof usual === 'boolean' || usual === undefined ? summary : `${summary} [default: ${usual}]`
  const shared = { description: described, helpGroup: 'SETTINGS', ...(letter ? { char: letter } : {}) }
  switch (kind) {
    case 'whole':
      return Flags.integer({ ...shared, min: 0, helpValue: 'N' }) as Flag
    case 'number':
      return number({ ...shared, helpValue: 'NUMBER' }) as Flag
    case 'switch':
      return Flags.boolean(shared) as Flag
    case 'choice':
      return Flags.string({ ...shared, options: [...(choices ?? [])] }) as Flag
    case 'text':
      return Flags.string({ ...shared, helpValue: 'TEXT' }) as Flag
  }
}
