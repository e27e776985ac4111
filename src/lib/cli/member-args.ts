/** How a command line names signers and peers, and how they are named to people. */
import { Args, Flags } from '@oclif/core'
import { MusigError } from '../base/errors.js'

/** A signer by its index, or a peer by its own. */
export type Member = number | { peer: number }

/** Signers as one flag names them: `0,3,5`. */
export const signersFlag = Flags.custom<number[]>({
  parse: async (typed) => {
    const members = membersOf(typed.split(',').map((word) => word.trim()))
    return members.map((member) => (typeof member === 'number' ? member : refused(`peer:${member.peer}`, 'index of a signer', '0,3,5')))
  },
})

/** A signer or a peer, as a flag or an argument names it: `3`, `peer:0`. */
export const memberFlag = Flags.custom<Member>({ parse: async (typed) => memberOf(typed) })
export const memberArg = Args.custom<Member>({ parse: async (typed) => memberOf(typed) })

/** All those that are named, each once. Errors: `BAD_INPUT`. */
export function membersOf(typed: readonly unknown[]): Member[] {
  const named = new Map(typed.map((word) => [String(word), memberOf(String(word))]))
  return [...new Map([...named.values()].map((member) => [nameOf(member), member])).values()]
}

/** `signer 3`, `peer 0`. */
function nameOf(member: Member): string {
  return typeof member === 'number' ? `signer ${member}` : `peer ${member.peer}`
}

/** Who else runs in the processes of those that were named, as the rest of a sentence; empty where nobody does. */
export function othersText(named: readonly Member[], signers: readonly number[]): string {
  const others = signers.filter((signer) => !named.includes(signer))
  return others.length === 0 ? '' : `, and with ${named.length === 1 ? 'it' : 'them'} ${others.join(', ')} of the same process`
}

/** Several of them at the beginning of a sentence: `Signers 2, 3 and peer 0 are`. */
export function subjectOf(members: readonly Member[]): string {
  const signers = members.filter((member) => typeof member === 'number')
  const peers = members.flatMap((member) => (typeof member === 'number' ? [] : [member.peer]))
  const parts = [listed('signer', signers), listed('peer', peers)].filter((part) => part !== '')
  const text = `${parts.join(' and ')} ${members.length === 1 ? 'is' : 'are'}`
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function listed(what: string, indices: readonly number[]): string {
  return indices.length === 0 ? '' : `${what}${indices.length === 1 ? '' : 's'} ${indices.join(', ')}`
}

function memberOf(typed: string): Member {
  const [, peer, index] = /^(peer:)?(\d{1,9})$/.exec(typed) ?? []
  if (index === undefined) return refused(typed, 'signer or peer', '3 or peer:0')
  return peer === undefined ? Number(index) : { peer: Number(index) }
}

function refused(typed: string, what: string, example: string): never {
  throw new MusigError('BAD_INPUT', `“${typed.slice(0, 40)}” is no ${what}; write ${example}`)
}
