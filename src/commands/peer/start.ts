/** `musig peer start`: one peer process by hand, in the foreground, its log on stdout. */
import { Flags } from '@oclif/core'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { signersFlag } from '../../lib/cli/member-args.js'
import { sinkFlag } from '../../lib/cli/sink-flag.js'
import { LIMITS } from '../../lib/core/limits.js'
import { runPeer } from '../../lib/node/peer-host.js'
import { LOG_LEVELS } from '../../lib/node/process-host.js'

export default class PeerStart extends MusigCommand {
  static override summary = 'Run one peer in the foreground: it follows the signers without being one, and answers reads.'
  static override description =
    'It dials the signers, verifies every certificate itself, executes in their order and answers the same reads as a signer; transactions are given to signers. From nothing it fetches the whole history, or with --from-snapshot a snapshot; else it goes on from its store. Its own key is made in its store at the first start. ' +
    'The log goes to stdout, one JSON object a line; SIGTERM or Ctrl-C stops it cleanly. While it runs, peer.pid in its store folder names the process.'
  static override examples = [
    '<%= config.bin %> peer start --manifest manifest.json --addresses addresses.json --store peer --api http://127.0.0.1:7100',
    '<%= config.bin %> peer start --manifest manifest.json --addresses addresses.json --store peer --api http://127.0.0.1:7100 --confirm 2 --follow 0,3,5',
    '<%= config.bin %> peer start --manifest manifest.json --addresses addresses.json --store peer --api http://127.0.0.1:7100 --sink postgres://app@localhost/app --sink jsonl:executed.jsonl',
    '<%= config.bin %> peer start --manifest manifest.json --addresses addresses.json --store peer --api http://127.0.0.1:7100 --from-snapshot',
  ]
  // The log is JSON already.
  static override enableJsonFlag = false
  static override flags = {
    manifest: Flags.string({ description: 'The cluster’s manifest.', required: true, helpValue: 'FILE' }),
    addresses: Flags.string({
      description: 'Where the signers listen: [{"index": 0, "url": "http://127.0.0.1:7000"}, …]; between machines wss://HOST:PORT.',
      required: true,
      helpValue: 'FILE',
    }),
    store: Flags.string({ description: 'The folder of its records and its key, made if it is not there.', required: true, helpValue: 'DIR' }),
    api: Flags.string({ description: 'Where its API listens, always on this machine.', required: true, helpValue: 'http://127.0.0.1:PORT' }),
    confirm: Flags.integer({
      description:
        'Execute a batch only when so many signers report the same log up to it; 0: its certificate is enough. With the synchrony guard more than may lie makes it as safe as a signer.',
      default: 0,
      min: 0,
      max: LIMITS.signers,
      helpValue: 'K',
    }),
    follow: signersFlag({
      description: 'The signers to follow, as in 0,3,5 (default: all). The first one is asked first for a snapshot.',
      helpValue: 'I,J',
    }),
    'from-snapshot': Flags.boolean({
      description:
        'While its store is empty: begin from a snapshot of the signers’ state instead of the whole history, once more of them than may lie have confirmed it. Where all signers prune it is the only way.',
    }),
    ...sinkFlag,
    'machine-file': Flags.string({
      description: 'The state machine, where the manifest names one by its digest: a JavaScript module or a program.',
      helpValue: 'FILE',
    }),
    'log-level': Flags.option({ options: LOG_LEVELS, description: 'The least serious lines of the log.', default: 'info' as const })(),
    bls: Flags.option({ options: ['blst', 'noble'] as const, description: 'Which BLS implementation verifies (default: blst where it loads).' })(),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(PeerStart)
    // The store makes files and folders of its own; they are nobody else's to read.
    process.umask(0o077)
    const { manifest, addresses, store, api, confirm, follow = null, sink: sinks = [] } = flags
    const { 'machine-file': machineFile = null, 'from-snapshot': fromSnapshot } = flags
    const peer = { manifest, addresses, store, api, confirm, follow, fromSnapshot, machineFile, name: null, sinks }
    process.exit(await runPeer(peer, { logLevel: flags['log-level'], bls: flags.bls }))
  }
}
