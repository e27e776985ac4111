/** `musig cluster up`: a local cluster, from keys to processes that take transactions. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { COLLUDE, LIE_NAMES } from '../../lib/byzantine/lies.js'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { sinkFlag } from '../../lib/cli/sink-flag.js'
import { type ClusterFolder, seatedSigners } from '../../lib/cluster/cluster-folder.js'
import { stayUp } from '../../lib/cluster/foreground.js'
import { StartFailed } from '../../lib/cluster/launch.js'
import { parseLiars } from '../../lib/cluster/liars.js'
import { clusterStatus } from '../../lib/cluster/status.js'
import { DEFAULTS, type UpResult, upCluster, type Wanted } from '../../lib/cluster/up.js'
import { LIMITS } from '../../lib/core/limits.js'
import { MACHINE_NAMES } from '../../lib/machine/machines.js'
import { MAX_SNAPSHOT_EVERY } from '../../lib/node/signer-config.js'

export default class ClusterUp extends MusigCommand {
  static override summary = 'Start a local cluster: keys, manifest, signer processes, ready to take transactions.'
  static override description =
    'A cluster that stands is started again with its keys, state and ports; what runs already goes on. It is up once every signer reaches a quorum. Its keys are plain files: it holds nothing of worth.'
  static override examples = [
    '<%= config.bin %> cluster up',
    '<%= config.bin %> cluster up -n 31',
    '<%= config.bin %> cluster up -n 127 --pack 32 --cluster large',
    '<%= config.bin %> cluster up -n 9 --tree regional --regions eu,us,asia',
    '<%= config.bin %> cluster up --cluster counters --machine dist/machine.js',
    '<%= config.bin %> cluster up -n 7 --seed 1 --json',
    '<%= config.bin %> cluster up -n 5 --peers 2 --confirm 2',
    '<%= config.bin %> cluster up -n 7 --byzantine 3:equivocate,5:withhold --cluster liars',
    '<%= config.bin %> cluster up --snapshot-every 1000 --peers 1',
    '<%= config.bin %> cluster up --peers 1 --sink postgres://app@localhost/app --sink jsonl:executed.jsonl',
  ]
  static override flags = {
    ...clusterFlag,
    count: Flags.integer({
      char: 'n',
      description: `How many signers (${DEFAULTS.n} in a new cluster).`,
      min: 1,
      max: LIMITS.signers,
      helpValue: 'N',
    }),
    tolerance: Flags.string({ description: 'The share of liars to be survived, from 1/2 up to, not including, 1 (default: 1/2).', helpValue: 'T' }),
    delta: Flags.integer({
      description: `Δ of the synchrony guard in milliseconds: while messages take less, up to half of the signers may lie; 0 turns it off (default: ${DEFAULTS.deltaMs}).`,
      min: 0,
      max: 60_000,
      helpValue: 'MS',
    }),
    machine: Flags.string({
      description: `The state machine: a built-in one, or the file of your own, a JavaScript module or a program; the cluster keeps a copy of it (default: ${DEFAULTS.machine}).`,
      helpValue: `${MACHINE_NAMES.join('|')}|FILE`,
    }),
    tree: Flags.option({ description: `How signers are placed in trees (default: ${DEFAULTS.tree}).`, options: ['random', 'regional'] as const })(),
    regions: Flags.string({ description: 'Regions, given to the signers in turn.', helpValue: 'A,B,C' }),
    fanout: Flags.integer({
      description: `Children of a signer in a tree (default: ${DEFAULTS.fanout}).`,
      min: 1,
      max: LIMITS.signers,
      helpValue: 'K',
    }),
    peers: Flags.integer({
      description: 'Peers beside the signers: they follow, verify everything and answer reads. A cluster that stands may be given more.',
      min: 0,
      max: LIMITS.peers,
      helpValue: 'K',
    }),
    confirm: Flags.integer({
      description: 'Peers execute a batch only when so many signers report the same log up to it (default: 0, its certificate is enough).',
      min: 0,
      max: LIMITS.signers,
      helpValue: 'K',
    }),
    ...sinkFlag,
    'base-port': Flags.integer({ description: 'The first of the ports (default: free ones are found).', min: 1, max: 65_535, helpValue: 'P' }),
    pack: Flags.integer({ description: `Signers in each process (default: ${DEFAULTS.pack}).`, min: 1, max: LIMITS.signers, helpValue: 'K' }),
    byzantine: Flags.string({
      description: `Signers that do not keep to the protocol, several times or by commas; those of I-J:${COLLUDE} work together, in one process. The cluster remembers them; “none” ends it. STRATEGY is one of ${LIE_NAMES.join(', ')}; docs/liars.md says what they do.`,
      multiple: true,
      helpValue: 'I:STRATEGY',
    }),
    'snapshot-every': Flags.integer({
      description: `Signers prune their records behind a snapshot after so many executed batches, and peers begin from snapshots; 0 keeps all (default: ${DEFAULTS.snapshotEvery}).`,
      min: 0,
      max: MAX_SNAPSHOT_EVERY,
      helpValue: 'BATCHES',
    }),
    seed: Flags.string({ description: 'Derive all keys, and with them every tree, from this.', helpValue: 'SEED' }),
    foreground: Flags.boolean({ description: 'Stay, and stop everything at Ctrl-C.', default: false }),
  }

  async run(): Promise<object> {
    const { flags } = await this.parse(ClusterUp)
    const { tolerance, tree, fanout, pack, seed } = flags
    const wanted: Wanted = {
      n: flags.count,
      tolerance,
      ...machineOf(flags.machine),
      tree,
      fanout,
      deltaMs: flags.delta,
      pack,
      snapshotEvery: flags['snapshot-every'],
      seed,
      basePort: flags['base-port'],
      peers: flags.peers,
      confirm: flags.confirm,
      sinks: flags.sink,
      liars: flags.byzantine && parseLiars(flags.byzantine),
      regions: regionsOf(flags.regions),
    }
    const home = this.home(flags)
    // One stretch from the first process to the last: at no moment does Ctrl-C leave one behind.
    return this.interruptible(async (signal) => {
      const up = await this.bringUp(home, flags.cluster, wanted, signal)
      const status = await clusterStatus(up.folder)
      this.tell(up, status.quorum)
      if (flags.foreground) await this.stay(home, up.folder, signal)
      return { ...status, created: up.created, started: up.started, startedPeers: up.startedPeers, folder: up.folder.path }
    })
  }

  private async bringUp(home: string, name: string, wanted: Wanted, signal: AbortSignal): Promise<UpResult> {
    try {
      return await upCluster({ home, name, wanted, signal, warn: (line) => this.warn(line) }, (steps) => this.steps(steps))
    } catch (error) {
      if (error instanceof StartFailed) for (const line of error.lastLines) process.stderr.write(`  ${line}\n`)
      throw error
    }
  }

  private tell({ record, created, started, startedPeers, folder }: UpResult, quorum: number): void {
    const { name, peers } = record
    const signers = seatedSigners(record)
    const n = signers.length
    const what = created
      ? 'made and started'
      : started === 0
        ? 'up already'
        : started === n
          ? 'started'
          : `up; ${started} of its signers ${started === 1 ? 'was' : 'were'} started`
    this.log(`Cluster “${name}” is ${what}: ${n} signers, quorum ${quorum}, ${addresses(signers.map(({ url }) => url))}.`)
    if (peers.length > 0) {
      const confirm = peers[0]?.confirm ?? 0
      const confirmed = confirm > 0 ? `, confirmed by ${confirm} signers` : ''
      const fresh = startedPeers === 0 ? ' up already' : startedPeers < peers.length ? `, ${startedPeers} of them started` : ''
      this.log(
        `${peers.length === 1 ? 'One peer' : `${peers.length} peers`}${fresh}, level with the signers${confirmed}: ${addresses(peers.map(({ url }) => url))}.`,
      )
    }
    this.log(`Its files are in ${folder.path}.`)
    const which = name === 'default' ? '' : ` --cluster ${name}`
    this.log(`Next: musig cluster status${which} · musig cluster down${which}`)
  }

  /** Until Ctrl-C, which here is no failure. */
  private async stay(home: string, folder: ClusterFolder, signal: AbortSignal): Promise<void> {
    if (!this.jsonEnabled()) this.log('Ctrl-C stops it.')
    const stopped = await stayUp(home, folder, signal, (line) => this.warn(line))
    if (!stopped)
      throw new MusigError('UNREACHABLE', `all processes of the cluster “${folder.name}” have ended; their logs are in ${folder.resolve('logs')}`)
  }
}

/** A built-in machine by its name, or a file. Errors: `BAD_INPUT` on what is neither. */
function machineOf(machine: string | undefined): Pick<Wanted, 'machine' | 'machineFile'> {
  if (machine === undefined || MACHINE_NAMES.includes(machine)) return { machine }
  if (existsSync(machine) || /[/\\.]/.test(machine)) return { machineFile: resolve(machine) }
  throw new MusigError('BAD_INPUT', `--machine ${machine} is neither ${MACHINE_NAMES.join(' nor ')} nor a file that is there`)
}

/** Errors: `BAD_INPUT` on an empty or overlong name. */
function regionsOf(list: string | undefined): string[] | undefined {
  if (list === undefined) return undefined
  const regions = list.split(',').map((region) => region.trim())
  const bad = regions.find((region) => region === '' || Buffer.byteLength(region) > 64)
  if (bad !== undefined)
    throw new MusigError('BAD_INPUT', `--regions ${list}: “${bad}” is no name of a region; give names of up to 64 characters, as in eu,us`)
  return regions
}

/** Ports that follow one another are named by the first and the last. */
function addresses(urls: readonly string[]): string {
  const ports = urls.map((url) => Number(new URL(url).port))
  const [first = 0] = ports
  const sideBySide = ports.every((port, i) => port === first + i)
  if (ports.length === 1) return `127.0.0.1:${first}`
  return sideBySide ? `127.0.0.1:${first}–${ports.at(-1)}` : `127.0.0.1, ports ${first} and others`
}
