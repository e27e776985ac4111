/** Commands that take several signers: reading their indices, and saying what happened to them. */
import { Flags } from '@oclif/core'
import { MusigError } from '../base/errors.js'

/** Signers as one flag names them: `0,3,5`. */
export const signersFlag = Flags.custom<number[]>({ parse: async (typed) => signerIndices(typed.split(',').map((word) => word.trim())) })

/** The signers named on a command line, each once. Errors: `BAD_INPUT`. */
export function signerIndices(typed: readonly unknown[]): number[] {
  const indices = typed.map((word) => {
    const text = String(word)
    if (!/^\d{1,9}$/.test(text)) throw new MusigError('BAD_INPUT', `“${text.slice(0, 40)}” is no index of a signer; give whole numbers, as in: 2 3`)
    return Number(text)
  })
  return [...new Set(indices)]
}

/** One line about signers that were paused or resumed, and about those that share their processes. */
export function pausingText({ asked, signers }: { asked: readonly number[]; signers: readonly number[] }, state: string): string {
  const others = signers.filter((signer) => !asked.includes(signer))
  const named = asked.length === 1 ? `Signer ${asked[0]} is` : `Signers ${asked.join(', ')} are`
  const shared = others.length > 0 ? `, and with ${asked.length === 1 ? 'it' : 'them'} ${others.join(', ')} of the same process` : ''
  return `${named} ${state}${shared}.`
}
