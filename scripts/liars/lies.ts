/** The lies that are measured: what each does, what may be expected of it, and when it has its turn. */

/** What stands for a cluster without liars. */
export const NOBODY = 'nobody'

/** What a liar needs before it can lie at all: a batch of its own, or one of its own that it orders, for that goes to phase 3. */
export type Turn = 'batch' | 'order'

/** A lie. `always`: proved within ten seconds. */
interface Telling {
  does: string
  provable: string
  always?: true
  turn?: Turn
}

/** What each lie does, whether what it says proves it, and what it needs. */
export const LIES: Readonly<Record<string, Telling>> = {
  [NOBODY]: { does: '–', provable: '–' },
  silent: { does: 'says nothing', provable: 'no' },
  withhold: { does: 'passes on what others say, never votes, accepts or promises', provable: 'no' },
  equivocate: { does: 'signs another view for each receiver', provable: 'yes', always: true },
  flip: { does: 'turns its view round', provable: 'yes', always: true },
  invent: { does: 'names predecessors that do not exist', provable: 'where two of its votes contradict each other' },
  boast: { does: 'claims heights that nobody has', provable: 'where it says two things of one batch' },
  'bad-share': { does: 'spoils the signatures that it sends up', provable: 'no' },
  'lie-subtree': { does: 'claims the votes of its subtree for its own view', provable: 'no' },
  'two-faced-initiator': { does: 'two batches under one sequence number', provable: 'yes', always: true, turn: 'batch' },
  'half-proposal': { does: 'sends its batches to a part of the tree only', provable: 'no', turn: 'batch' },
  'two-faced-root': { does: 'shows different signers different vote sets', provable: 'where the values differ', turn: 'order' },
  censor: { does: 'leaves votes out', provable: 'no' },
  'withheld-certificate': { does: 'gives certificates to nobody', provable: 'no' },
  'certificate-to-one': { does: 'gives certificates to one signer only', provable: 'no' },
  'unjustified-order': { does: 'asks for a value that does not follow', provable: 'yes, once it orders anything', always: true, turn: 'order' },
  'false-blockers': { does: 'names blockers that nothing backs', provable: 'no' },
  'hidden-accepts': { does: 'denies in promises what it accepted', provable: 'where both were said of one batch' },
  'pre-empt': { does: 'asks for ballots that nobody wants', provable: 'no' },
  replay: { does: 'says again what it once said', provable: 'no: it did say it' },
  'mislead-peers': { does: 'feeds peers what is not true', provable: 'no' },
  'replay-any': { does: 'says again anything it heard, also changed', provable: 'no' },
  twin: { does: 'is two signers with one key', provable: 'where the two halves differ' },
  collude: { does: 'deals certificates, misleads peers, and one more lie', provable: 'as that lie' },
}
