/** The liars of a run: who they are, by the seed, and what each of them does. The lies themselves are in `byzantine/`. */
import { SeededRandom } from '../base/prng.js'
import { Conspiracy } from '../byzantine/conspiracy.js'
import { Liar, type LiarTools } from '../byzantine/liar.js'
import { STRATEGIES, type Strategy } from '../byzantine/strategies.js'
import { TWIN, Twins } from '../byzantine/twins.js'
import { Signer, type SignerOptions } from '../core/signer.js'
import type { SimulatedSigner } from './host.js'
import type { Scenario } from './scenario.js'
import type { Signers } from './signers.js'
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

/** What `any` draws from. Misleading peers comes on top, where there are any; the other two instead of what was drawn, one time in eight each. */
const NAMES = (Object.keys(STRATEGIES) as Strategy[]).filter((name) => name !== 'mislead-peers' && name !== 'replay-any')

/** Lies that are told about a liar's own batches alone, or matter in recovery only. */
const CONFINED: ReadonlySet<Strategy | typeof TWIN> = new Set([
  'half-proposal',
  'two-faced-initiator',
  'two-faced-root',
  'false-blockers',
  'hidden-accepts',
])

/** Chooses the liars of a run and their lies. */
export function liarsOf({ seed, n, liars: count, lie, peers }: Scenario, { manifest }: Signers): LiarGroup {
  const random = new SeededRandom(`liars/${seed}`)
  const liars = new Set<number>()
  while (liars.size < count) liars.add(random.upTo(n - 1))
  const names = new Map<number, Strategy | typeof TWIN>(
    [...liars].map((self) => [self, lie === 'any' || lie === 'collude' ? random.pick(NAMES) : (lie as Strategy)] as const),
  )
  const rare = new SeededRandom(`rare lies/${seed}`)
  if (lie === 'any')
    for (const self of liars) {
      const drawn = rare.upTo(7)
      if (drawn < 2) names.set(self, drawn === 0 ? TWIN : 'replay-any')
    }
  const conspiracy = lie === 'collude' ? new Conspiracy(new SeededRandom(`conspiracy/${seed}`), peers) : undefined
  return {
    liars,
    isConfined: !conspiracy && [...names.values()].every((name) => CONFINED.has(name)),
    wrap(signer, options) {
      const { self, crypto, blsSecretKey, linkSecretKey } = options
      const tools: LiarTools = {
        self,
        manifest,
        crypto,
        blsSecretKey,
        linkSecretKey,
        random: new SeededRandom(`lie/${seed}/${self}`),
        journal: signer.journal,
      }
      const name = names.get(self) ?? 'silent'
      const lies = name === TWIN ? [] : [STRATEGIES[name](tools)]
      if (peers > 0 && name !== 'mislead-peers') lies.push(STRATEGIES['mislead-peers'](tools))
      if (conspiracy) lies.push(conspiracy.join(tools))
      return new Liar(name === TWIN ? new Twins(signer, new Signer(options)) : signer, (event, effects) =>
        lies.reduce((bent, lie) => lie(event, bent), effects),
      )
    },
    spy: conspiracy && {
      recorded(signer, record) {
        if (record.type === 'vote') conspiracy.sawVote(signer, record.batchId, record.view, record.signature)
      },
      sent: (from, message) => conspiracy.sawMessage(from, message),
    },
  }
}
