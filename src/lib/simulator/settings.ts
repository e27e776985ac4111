/** The settings of a scenario as a person gives them: what each means, in the order in which a help text lists them. */
import { type Scenario, TOPOLOGIES, TREES } from './scenario.js'

/** One setting. `whole` and `number` are not negative; `scenario.ts` checks the ranges. */
export interface Setting {
  name: keyof Scenario
  kind: 'whole' | 'number' | 'switch' | 'text' | 'choice'
  summary: string
  choices?: readonly string[]
  /** One letter that stands for it. */
  letter?: 'n'
}

/** All settings but the seed. */
export const SETTINGS: readonly Setting[] = [
  { name: 'n', kind: 'whole', letter: 'n', summary: 'Signers.' },
  { name: 'txs', kind: 'whole', summary: 'Transactions that clients submit.' },
  { name: 'windowMs', kind: 'number', summary: 'They are submitted within this time.' },
  { name: 'contention', kind: 'number', summary: 'The share of transactions on the hot keys, 0 to 1.' },
  { name: 'hotKeys', kind: 'whole', summary: 'Keys that many transactions share.' },
  { name: 'invalid', kind: 'number', summary: 'The share of transactions that can never be valid.' },
  { name: 'delay', kind: 'text', summary: 'One way between two signers: 5, 2-20, exp:10 or lognormal:10:0.5 (milliseconds).' },
  { name: 'loss', kind: 'number', summary: 'The share of messages that are lost until the faults are over.' },
  { name: 'duplicate', kind: 'number', summary: 'The share of messages that arrive twice until then.' },
  { name: 'reorder', kind: 'switch', summary: 'Let messages of one link overtake one another.' },
  { name: 'disk', kind: 'text', summary: 'How long a write takes, in the form of --delay.' },
  { name: 'crashes', kind: 'whole', summary: 'Signers that crash for good, at most n − q.' },
  { name: 'restarts', kind: 'whole', summary: 'Signers that crash and come back.' },
  { name: 'cuts', kind: 'whole', summary: 'Links that are cut for a while.' },
  { name: 'slow', kind: 'whole', summary: 'Links that are slow for a while.' },
  { name: 'partitions', kind: 'whole', summary: 'Times that the network falls apart for a while: halves, one alone, a ring, a bridge, one way.' },
  { name: 'pauses', kind: 'whole', summary: 'Signers whose process is stopped for a while and goes on with what came meanwhile.' },
  { name: 'pauseMs', kind: 'number', summary: 'The longest time for which a process is stopped.' },
  { name: 'jumps', kind: 'whole', summary: 'Signers whose clock jumps, forward or back, by up to half a minute.' },
  { name: 'liars', kind: 'whole', summary: 'Signers that lie.' },
  { name: 'lie', kind: 'text', summary: 'How they lie: a name (see docs/simulator.md), any, or collude.' },
  { name: 'peers', kind: 'whole', summary: 'Peers that follow the order; they join late, crash and come back.' },
  { name: 'confirm', kind: 'whole', summary: 'Signers that must report the same log before a peer takes it as executed.' },
  { name: 'snapshotEvery', kind: 'whole', summary: 'Executed batches between two snapshots, behind which signers prune their records; 0: never.' },
  { name: 'evicts', kind: 'whole', summary: 'Signers that are taken out of the cluster during the run.' },
  { name: 'admits', kind: 'whole', summary: 'Signers that come into the cluster during the run.' },
  { name: 'topology', kind: 'choice', choices: TOPOLOGIES, summary: 'How votes travel; star and mesh are there to be compared with.' },
  { name: 'tolerance', kind: 'text', summary: 'The share of liars to be survived while messages are timely.' },
  { name: 'deltaMs', kind: 'whole', summary: 'Δ of the synchrony guard: messages between honest signers take less. 0 turns it off.' },
  { name: 'regions', kind: 'whole', summary: 'Regions in which the signers lie; 0 for none.' },
  { name: 'regionMs', kind: 'number', summary: 'How much longer a message takes between two regions.' },
  {
    name: 'wideArea',
    kind: 'switch',
    summary: 'Take typical distances between cloud regions instead of --region-ms, and the patience that these ask for.',
  },
  { name: 'tree', kind: 'choice', choices: TREES, summary: 'Whether the tree keeps subtrees within regions, where there are some.' },
  { name: 'bandwidth', kind: 'number', summary: 'What each signer may send, in Mbit a second: messages queue behind one another. 0 for no bound.' },
  { name: 'load', kind: 'whole', summary: 'Signers that always have a batch under way, for a throughput; 0: --txs transactions within --window-ms.' },
  { name: 'turns', kind: 'whole', summary: 'Batches that follow one another at each signer of --load.' },
  { name: 'bundle', kind: 'whole', summary: 'Transactions of 128 bytes in each of these batches.' },
  { name: 'limitMs', kind: 'number', summary: 'Everything must be executed this long after the last fault.' },
  { name: 'signMs', kind: 'number', summary: 'What a BLS signature costs its signer, as musig bench measures it; 0.65 with blst on one core, say.' },
  { name: 'verifyMs', kind: 'number', summary: 'What a BLS verification costs; 1.9, say.' },
  { name: 'messageMs', kind: 'number', summary: 'What reading or sending a message costs; 0.05, say.' },
  { name: 'bytes', kind: 'switch', summary: 'Encode and decode every message, as processes do.' },
]

/** The flag of a setting, without its dashes: `windowMs` is `window-ms`. */
export function flagOf(name: keyof Scenario): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** A scenario from a calm one and what was given by flag. */
export function scenarioFrom(usual: Scenario, given: Readonly<Record<string, unknown>>): Scenario {
  const changed = SETTINGS.flatMap(({ name }) => {
    const value = given[flagOf(name)]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...usual, ...Object.fromEntries(changed) }
}
