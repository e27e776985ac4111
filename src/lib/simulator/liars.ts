/** The liars of a run: who they are, by the seed, and what each of them does. The lies themselves are in `byzantine/`. */
import { SeededRandom } from '../base/prng.js'
import { Conspiracy } from '../byzantine/conspiracy.js'
import { COLLUDE, DRAWN, liarOf, type OwnLie } from '../byzantine/lies.js'
import { TWIN } from '../byzantine/twins.js'
import type { Message } from '../core/message.js'
import type { Signer, SignerOptions } from '../core/signer.js'
import type { SimulatedSigner } from './host.js'
import type { Scenario } from './scenario.js'
import type { WorldOptions } from './world.js'

/** Who lies in a run. */
export interface LiarGroup {
  liars: ReadonlySet<number>
  /** Makes a liar of an honest signer. */
  wrap(signer: Signer, options: SignerOptions): SimulatedSigner
  /** Whether they hurt nothing but their own batches and what shares a key with these. */
  isConfined: boolean
  /** What liars that see everything are told. */
  spy: WorldOptions['spy']
}

/** Lies that are told about a liar's own batches alone, or matter in recovery only. */
const CONFINED: ReadonlySet<OwnLie> = new Set(['half-proposal', 'two-faced-initiator', 'two-faced-root', 'false-blockers', 'hidden-accepts'])

/** Chooses the liars of a run and their lies. */
export function liarsOf({ seed, n, liars: count, lie, peers }: Scenario): LiarGroup {
  const random = new SeededRandom(`liars/${seed}`)
  const liars = new Set<number>()
  while (liars.size < count) liars.add(random.upTo(n - 1))
  const names = new Map<number, OwnLie>(
    [...liars].map((self) => [self, lie === 'any' || lie === COLLUDE ? random.pick(DRAWN) : (lie as OwnLie)] as const),
  )
  // `mislead-peers` comes on top, where there are any; these two instead of what was drawn, one time in eight each.
  const rare = new SeededRandom(`rare lies/${seed}`)
  if (lie === 'any')
    for (const self of liars) {
      const drawn = rare.upTo(7)
      if (drawn < 2) names.set(self, drawn === 0 ? TWIN : 'replay-any')
    }
  // What was said in one epoch is said again in the next.
  const said = new Map<number, Message[]>([...liars].map((self) => [self, []]))
  const conspiracy = lie === COLLUDE ? new Conspiracy(new SeededRandom(`conspiracy/${seed}`), peers) : undefined
  return {
    liars,
    isConfined: !conspiracy && [...names.values()].every((name) => CONFINED.has(name)),
    wrap: (signer, options) =>
      liarOf(signer, options, {
        lie: names.get(options.self) ?? 'silent',
        random: new SeededRandom(`lie/${seed}/${options.self}`),
        misleadsPeers: peers > 0,
        conspiracy,
        said: said.get(options.self) ?? [],
      }),
    spy: conspiracy && {
      recorded(signer, record) {
        if (record.type === 'vote') conspiracy.sawVote(signer, record.batchId, record.view, record.signature)
      },
      sent: (from, message) => conspiracy.sawMessage(from, message),
    },
  }
}
