/** The flags that commands which send transactions share. */
import { Args, Flags } from '@oclif/core'
import { MusigError } from '../base/errors.js'
import { clusterFlag } from './base-command.js'
import { passphraseFlag } from './key-flags.js'
import { memberFlag } from './member-args.js'
import { readPassphrase } from './prompt.js'

/** How a transaction is sent. */
export const sendFlags = {
  to: Flags.integer({ description: 'The signer to give it to, by number (default: any).', min: 0, helpValue: 'I' }),
  as: Flags.string({
    description: 'The client’s key to sign with, by name (musig keys gen --kind client); else the cluster’s own client key, made on first use.',
    helpValue: 'CLIENT',
  }),
  wait: Flags.option({ description: 'What to wait for.', options: ['executed', 'none'] as const, default: 'executed' })(),
  timeout: Flags.integer({ description: 'How long to wait, in milliseconds.', default: 10_000, min: 1, max: 300_000, helpValue: 'MS' }),
  ...passphraseFlag,
  ...clusterFlag,
}

/** An argument that is a whole number ≥ 0; oclif's own ends in an internal error on any other. */
export const wholeNumberArg = Args.custom<number>({
  parse: async (typed) => {
    const value = /^\d{1,16}$/.test(typed) ? Number(typed) : Number.NaN
    if (!Number.isSafeInteger(value))
      throw new MusigError('BAD_INPUT', `“${typed.slice(0, 40)}” is not a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`)
    return value
  },
})

/** A share from 0 to 1, in steps of a thousandth: `0.3` or `30%`. */
export const shareFlag = Flags.custom<number>({
  parse: async (typed) => {
    const [, digits, percent] = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(typed) ?? []
    const share = Number(digits) / (percent ? 100 : 1)
    if (digits === undefined || share > 1) throw new MusigError('BAD_INPUT', `“${typed.slice(0, 40)}” is not a share from 0 to 1; write 0.3 or 30%`)
    if (share > 0 && share < 0.001) throw new MusigError('BAD_INPUT', `“${typed}” is less than a thousandth, the smallest share`)
    return share
  },
})

/** Who is asked for a read. */
export const fromFlag = {
  from: memberFlag({ description: 'Whom to ask: a signer by number, or a peer as peer:0 (default: any signer).', helpValue: 'I' }),
}

/** The values of `sendFlags` as parsed. */
interface SendFlags {
  to?: number | undefined
  as?: string | undefined
  wait: 'executed' | 'none'
  timeout: number
  cluster: string
  'passphrase-file'?: string | undefined
}

/** How a command was told to send: its flags, with the state folder and the way to a passphrase. */
export function sendingOf({ to, as, wait, timeout, cluster, ...flags }: SendFlags, home: string) {
  const ask = () => readPassphrase({ file: flags['passphrase-file'], question: `Passphrase for ${as}` })
  return { home, cluster, to, as, wait, timeoutMs: timeout, ask }
}
