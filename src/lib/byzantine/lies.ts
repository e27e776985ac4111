/**
 * Liars by name: what a signer can be told to do, and an honest signer made into one that does it. The same for the simulator and for processes; what
 * each lie is stands in `strategies.ts`, `twins.ts` and `conspiracy.ts`.
 */
import { MusigError } from '../base/errors.js'
import type { SeededRandom } from '../base/prng.js'
import type { Message } from '../core/message.js'
import { Signer, type SignerOptions } from '../core/signer.js'
import type { Conspiracy } from './conspiracy.js'
import { Liar, type LiarTools, type Lie } from './liar.js'
import { STRATEGIES, type Strategy } from './strategies.js'
import { TWIN, Twins } from './twins.js'

/** The lie of those that work together; each of them tells one of `DRAWN` besides. */
export const COLLUDE = 'collude'

/** A lie that one signer can tell. */
export type OwnLie = Strategy | typeof TWIN
/** All that a signer can be told to do. */
export type LieName = OwnLie | typeof COLLUDE

/** Every lie by its name, as a user gives it. */
export const LIE_NAMES: readonly LieName[] = [...(Object.keys(STRATEGIES) as Strategy[]), TWIN, COLLUDE]

/** What is drawn from where a liar is to tell any lie: those that need no peers, and not what comes on top of another. */
export const DRAWN = (Object.keys(STRATEGIES) as Strategy[]).filter((name) => name !== 'mislead-peers' && name !== 'replay-any')

/** The lie of this name. Errors: `BAD_INPUT` with all names. */
export function lieNamed(name: string): LieName {
  const known = LIE_NAMES.find((lie) => lie === name)
  if (known === undefined) throw new MusigError('BAD_INPUT', `there is no lie “${name}”; there are ${LIE_NAMES.join(', ')}`)
  return known
}

/** How a signer lies. */
export interface Lying {
  lie: OwnLie
  /** Every choice of the lie. */
  random: SeededRandom
  /** Tells peers what is not true besides. */
  misleadsPeers: boolean
  /** Those with whom it works together. */
  conspiracy?: Conspiracy | undefined
  /** What it has said in earlier lives, where it remembers. */
  said?: Message[]
  /** Whether the conspiracy sees nothing but what its members hear: no one tells it what others recorded and sent. */
  listens?: boolean
}

/** Makes a liar of an honest signer, which was made with these options. */
export function liarOf(signer: Signer, options: SignerOptions, lying: Lying): Liar {
  // What it works with follows from its records: the epoch that it is in.
  let lies: Lie[] | undefined
  return new Liar(lying.lie === TWIN ? new Twins(signer, new Signer(options)) : signer, (event, effects) => {
    lies ??= liesOf(signer, options, lying)
    return lies.reduce((bent, tell) => tell(event, bent), effects)
  })
}

function liesOf({ journal, self }: Signer, options: SignerOptions, { lie, random, misleadsPeers, conspiracy, said, listens = false }: Lying): Lie[] {
  // Who was evicted has nobody left to lie to.
  if (self < 0) return []
  const { crypto, blsSecretKey, linkSecretKey } = options
  const tools: LiarTools = { self, manifest: journal.manifest, crypto, blsSecretKey, linkSecretKey, random, journal, said: said ?? [] }
  const lies = lie === TWIN ? [] : [STRATEGIES[lie](tools)]
  if (misleadsPeers && lie !== 'mislead-peers') lies.push(STRATEGIES['mislead-peers'](tools))
  if (conspiracy && listens) lies.push(conspiracy.listen())
  if (conspiracy) lies.push(conspiracy.join(tools))
  return lies
}
