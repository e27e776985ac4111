/** The liars of a run: who they are, by the seed, and what each of them does. The lies themselves are in `byzantine/`. */
import { SeededRandom } from '../base/prng.js'
import { Conspiracy } from '../byzantine/conspiracy.js'
import { Liar, type LiarTools, type Lie } from '../byzantine/liar.js'
import { STRATEGIES, type Strategy } from '../byzantine/strategies.js'
import type { Signer, SignerOptions } from '../core/signer.js'
import type { SimulatedSigner } from './host.js'
import type { Scenario } from './scenario.js'
import type { Signers } from './signers.js'
import type { WorldOptions } from './world.js'

/** Who lies in a run. */
export interface LiarGroup {
  liars: ReadonlySet<number>
  /** Makes a liar of an honest signer. */
  wrap(signer: Signer, options: SignerOptions): SimulatedSigner
  /** What liars that see everything are told. */
  spy: WorldOptions['spy']
}

const NAMES = Object.keys(STRATEGIES) as Strategy[]

/** Chooses the liars of a run and their lies. */
export function liarsOf({ seed, n, liars: count, lie }: Scenario, { manifest }: Signers): LiarGroup {
  const random = new SeededRandom(`liars/${seed}`)
  const liars = new Set<number>()
  while (liars.size < count) liars.add(random.upTo(n - 1))
  const names = new Map([...liars].map((self) => [self, lie === 'any' || lie === 'collude' ? random.pick(NAMES) : (lie as Strategy)] as const))
  const conspiracy = lie === 'collude' ? new Conspiracy(new SeededRandom(`conspiracy/${seed}`)) : undefined
  return {
    liars,
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
      const own: Lie = STRATEGIES[names.get(self) ?? 'silent'](tools)
      const joint = conspiracy?.join(tools)
      return new Liar(signer, joint ? (event, effects) => joint(event, own(event, effects)) : own)
    },
    spy: conspiracy && {
      recorded(signer, record) {
        if (record.type === 'vote') conspiracy.sawVote(signer, record.batchId, record.view, record.signature)
      },
      sent: (from, message) => conspiracy.sawMessage(from, message),
    },
  }
}
