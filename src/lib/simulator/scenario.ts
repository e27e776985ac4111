/**
 * What a run is: everything that its seed does not decide, in plain data, and the command line that repeats it. The seed decides the rest: who
 * submits what and when, who crashes at which moment, what is lost.
 */
import { MusigError } from '../base/errors.js'
import { LIE_NAMES } from '../byzantine/lies.js'
import { LIMITS } from '../core/limits.js'
import { type Manifest, parseTolerance } from '../core/manifest.js'
import { parseDelay } from './delay.js'
import { REGIONS } from './regions.js'

/** The shapes in which votes may travel. */
export const TOPOLOGIES = ['tree', 'star', 'mesh'] as const
/** What liars may do. */
export const LIES: readonly string[] = ['any', ...LIE_NAMES]
/** How votes travel: along the protocol’s tree, or, to be compared with, through a star or a full mesh. */
export type Topology = (typeof TOPOLOGIES)[number]

/** How the tree of a batch is made where signers lie in regions. */
export const TREES = ['regional', 'random'] as const
/** Bytes of a transaction of a bundle. */
export const BUNDLED_BYTES = 128
const MAX_BUNDLE = LIMITS.payloadBytes / BUNDLED_BYTES
/** Mbit a second. */
const MAX_BANDWIDTH = 1_000_000

/** A run holds everything in memory. */
const MAX_TXS = 1_000_000

/** A run's settings. Times in virtual milliseconds, shares from 0 to 1, delays as `parseDelay` reads them. */
export interface Scenario {
  seed: number
  n: number
  /** Transactions that clients submit. */
  txs: number
  /** All of them are submitted within this time. */
  windowMs: number
  /** The share of transactions on a few hot keys; the others have a key of their own. */
  contention: number
  hotKeys: number
  /** The share of transactions that can never be valid. */
  invalid: number
  /** One way between two signers. */
  delay: string
  /** The share of messages that are lost, and that arrive twice, until the faults are over. */
  loss: number
  duplicate: number
  /** Whether links may break the order of what is sent. */
  reorder: boolean
  /** How long a write takes until it is durable. */
  disk: string
  /** Signers that crash for good, and that crash and come back. */
  crashes: number
  restarts: number
  /** Links that are cut for a while, and that become ten times as slow. */
  cuts: number
  slow: number
  /** Times that the network falls apart: halves, one signer alone, a ring, a bridge, or one direction only. */
  partitions: number
  /** Signers whose process is stopped for a while, at most `pauseMs`, and goes on with what came meanwhile. */
  pauses: number
  pauseMs: number
  /** Signers whose clock jumps, forward or back, by up to half a minute. */
  jumps: number
  topology: Topology
  tolerance: string
  /** Δ of the synchrony guard; 0 turns it off. */
  deltaMs: number
  /** Signers that lie, and how: one lie by name, `any` for one each at random, `collude` for liars that work together besides. */
  liars: number
  lie: string
  /** Peers that follow the order: they join late, crash and come back. How many signers must confirm what they hand on; 0: certificates are enough. */
  peers: number
  confirm: number
  /** Executed batches between two snapshots of a signer, behind which records are pruned; 0: never. */
  snapshotEvery: number
  /** Signers that are taken out of the cluster during the run, and that come in. */
  evicts: number
  admits: number
  /** Signers lie in this many regions, in turn; between two there are `regionMs` more, or over a wide area what `regions.ts` says. */
  regions: number
  regionMs: number
  wideArea: boolean
  /** Whether subtrees keep to a region where there are regions (§4), or the tree looks at none. */
  tree: 'regional' | 'random'
  /** What each signer may send, in Mbit a second; 0 for no bound. */
  bandwidth: number
  /** Signers at which one batch is always under way, the next as soon as the last is executed; 0: transactions come at random times. */
  load: number
  /** Batches that follow one another at each of them. */
  turns: number
  /** Transactions of 128 bytes that such a batch carries. */
  bundle: number
  /** How long after the last fault everything must be executed. */
  limitMs: number
  /** What signing, verifying, and reading or sending a message cost a signer. */
  signMs: number
  verifyMs: number
  messageMs: number
  /** Whether messages travel as bytes, encoded and decoded; else as objects. */
  bytes: boolean
}

/** A calm run: seven signers, no faults. */
export const CALM: Scenario = {
  seed: 1,
  n: 7,
  txs: 5,
  windowMs: 50,
  contention: 0.5,
  hotKeys: 2,
  invalid: 0,
  delay: '1-10',
  loss: 0,
  duplicate: 0,
  reorder: false,
  disk: '1',
  crashes: 0,
  restarts: 0,
  cuts: 0,
  slow: 0,
  partitions: 0,
  pauses: 0,
  pauseMs: 10_000,
  jumps: 0,
  topology: 'tree',
  tolerance: '1/2',
  deltaMs: 0,
  liars: 0,
  lie: 'any',
  peers: 0,
  confirm: 0,
  snapshotEvery: 0,
  evicts: 0,
  admits: 0,
  regions: 0,
  regionMs: 40,
  wideArea: false,
  tree: 'regional',
  bandwidth: 0,
  load: 0,
  turns: 4,
  bundle: 100,
  limitMs: 240_000,
  signMs: 0,
  verifyMs: 0,
  messageMs: 0,
  bytes: false,
}

/** Checks a scenario as a whole. Errors: `BAD_INPUT` that names the setting. */
export function checkScenario(scenario: Scenario, { n, quorum, crashBound }: Pick<Manifest, 'n' | 'quorum' | 'crashBound'>): void {
  const refuse = (text: string): never => {
    throw new MusigError('BAD_INPUT', text)
  }
  const counts = [
    'n',
    'txs',
    'hotKeys',
    'crashes',
    'restarts',
    'cuts',
    'slow',
    'partitions',
    'pauses',
    'jumps',
    'liars',
    'peers',
    'confirm',
    'snapshotEvery',
    'evicts',
    'admits',
    'regions',
    'load',
    'turns',
    'bundle',
    'seed',
  ] as const
  for (const name of counts)
    if (!Number.isSafeInteger(scenario[name]) || scenario[name] < 0) refuse(`${name} is ${scenario[name]}, not a whole number ≥ 0`)
  if (scenario.n > LIMITS.signers) refuse(`n is ${scenario.n}; there are at most ${LIMITS.signers} signers`)
  if (scenario.txs > MAX_TXS) refuse(`txs is ${scenario.txs}; at most ${MAX_TXS} are taken`)
  if (!TOPOLOGIES.includes(scenario.topology)) refuse(`topology is none of ${TOPOLOGIES.join(', ')}`)
  for (const name of ['contention', 'invalid', 'loss', 'duplicate'] as const)
    if (!(scenario[name] >= 0 && scenario[name] <= 1)) refuse(`${name} is ${scenario[name]}, not a share from 0 to 1`)
  for (const name of ['windowMs', 'pauseMs', 'deltaMs', 'limitMs', 'regionMs', 'signMs', 'verifyMs', 'messageMs'] as const)
    if (!(scenario[name] >= 0 && scenario[name] <= 86_400_000)) refuse(`${name} is ${scenario[name]}, not from 0 to a day`)
  checkScale(scenario, refuse)
  if (scenario.contention > 0 && scenario.hotKeys === 0) refuse('contention needs at least one hot key')
  if (scenario.crashes > crashBound) refuse(`${scenario.crashes} of ${n} signers crash for good; more than n − q = ${crashBound} may not`)
  if (scenario.crashes + scenario.restarts > n) refuse(`${scenario.crashes} crashes and ${scenario.restarts} restarts are more than the ${n} signers`)
  if ((scenario.cuts > 0 || scenario.slow > 0) && n < 2) refuse('one signer has no links')
  const faults = scenario.crashes + scenario.restarts + scenario.cuts + scenario.partitions + scenario.loss + scenario.duplicate
  if (scenario.topology === 'mesh' && faults > 0) refuse('the mesh is there to be compared in calm runs: it has no recovery, so faults are refused')
  if (scenario.confirm > quorum) refuse(`confirm is ${scenario.confirm}; more than the quorum of ${quorum} signers may never run at once`)
  if (scenario.topology === 'mesh' && scenario.peers > 0) refuse('signers of the mesh answer no peers')
  if (scenario.snapshotEvery > 0 && scenario.peers > 0)
    refuse('peers start from nothing, and nobody has what is pruned: --snapshot-every goes without --peers')
  if (scenario.evicts >= n) refuse(`${scenario.evicts} of ${n} signers are evicted; one must be left`)
  if (scenario.n + scenario.admits > LIMITS.signers) refuse(`admits is ${scenario.admits}; there are at most ${LIMITS.signers} signers`)
  if (scenario.topology === 'mesh' && scenario.evicts + scenario.admits > 0) refuse('the mesh knows no epochs')
  if (scenario.liars > n) refuse(`${scenario.liars} liars are more than the ${n} signers`)
  if (!LIES.includes(scenario.lie)) refuse(`“${scenario.lie}” is no lie; take one of ${LIES.join(', ')}`)
  parseDelay(scenario.delay)
  parseDelay(scenario.disk)
  parseTolerance(scenario.tolerance)
}

/** What has to do with distance, bandwidth and load. */
function checkScale({ n, regions, wideArea, tree, bandwidth, load, turns, bundle }: Scenario, refuse: (text: string) => never): void {
  if (wideArea && (regions < 2 || regions > REGIONS.length))
    refuse(`regions is ${regions}; --wide-area needs 2 to ${REGIONS.length}: ${REGIONS.join(', ')}`)
  if (!TREES.includes(tree)) refuse(`tree is none of ${TREES.join(', ')}`)
  if (!(bandwidth >= 0 && bandwidth <= MAX_BANDWIDTH)) refuse(`bandwidth is ${bandwidth}, not from 0 to ${MAX_BANDWIDTH} Mbit/s`)
  if (load > n) refuse(`load is ${load}; there are ${n} signers, and one batch under way at each`)
  if (load > 0 && turns < 2) refuse(`turns is ${turns}; the first one is not measured, so give 2 at least`)
  if (load * turns > MAX_TXS) refuse(`load and turns make ${load * turns} batches; at most ${MAX_TXS} are taken`)
  if (bundle < 1 || bundle > MAX_BUNDLE) refuse(`bundle is ${bundle}, not from 1 to ${MAX_BUNDLE} transactions`)
}

/** The command that repeats a run: every setting that differs from a calm run's. */
export function commandOf(scenario: Scenario): string {
  const flags = Object.entries(CALM).flatMap(([name, usual]) => {
    const value: unknown = scenario[name as keyof Scenario]
    if (name === 'seed' || value === usual) return []
    if (name === 'n') return [`-n ${value}`]
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    return [value === true ? flag : `${flag} ${value}`]
  })
  return ['musig sim replay', scenario.seed, ...flags].join(' ')
}
