/** `musig signer start`: one signer process by hand, in the foreground, its log on stdout. */
import { Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { sinkFlag } from '../../lib/cli/sink-flag.js'
import { LOG_LEVELS } from '../../lib/node/process-host.js'
import { MAX_SNAPSHOT_EVERY, readConfigs, type SignerConfig } from '../../lib/node/signer-config.js'
import { runSigners } from '../../lib/node/signer-host.js'

const SINGLE = ['manifest', 'key', 'store', 'addresses', 'token-file'] as const

export default class SignerStart extends MusigCommand {
  static override summary = 'Run one signer in the foreground: what “cluster up” and every deployment starts.'
  static override description =
    'Which signer of the manifest it is follows from its key. It listens at its own address (between machines a wss:// address, whose links are encrypted and known by the keys of the manifest), connects to all others and takes transactions as soon as a quorum is reachable. ' +
    'The log goes to stdout, one JSON object a line; SIGTERM or Ctrl-C stops it cleanly. While it runs, signer.pid in its store folder names the process.'
  static override examples = [
    '<%= config.bin %> signer start --manifest manifest.json --key key.json --store store --addresses addresses.json --token-file token',
    '<%= config.bin %> signer start --pack signers.json --log-level warn',
  ]
  // The log is JSON already.
  static override enableJsonFlag = false
  static override flags = {
    manifest: Flags.string({ description: 'The cluster’s manifest.', helpValue: 'FILE' }),
    key: Flags.string({ description: 'The signer’s key file (0600).', helpValue: 'FILE' }),
    store: Flags.string({ description: 'The folder of its records, made if it is not there.', helpValue: 'DIR' }),
    addresses: Flags.string({
      description: 'Where the signers listen: [{"index": 0, "url": "http://127.0.0.1:7000"}, …]; between machines wss://HOST:PORT.',
      helpValue: 'FILE',
    }),
    api: Flags.string({
      description: 'Where the API listens, if the signer’s own address is wss://: always on this machine.',
      helpValue: 'http://127.0.0.1:PORT',
    }),
    'token-file': Flags.string({ description: 'The token that changes through the API need (0600, 32 characters or more).', helpValue: 'FILE' }),
    'passphrase-file': Flags.string({
      description: 'The passphrase of an encrypted key (0600).',
      env: 'MUSIG_PASSPHRASE_FILE',
      helpValue: 'FILE',
    }),
    'machine-file': Flags.string({
      description: 'The state machine, where the manifest names one by its digest: a JavaScript module or a program.',
      helpValue: 'FILE',
    }),
    history: Flags.string({
      description: 'Remembers how far the records go, so that a lost or older store is noticed; beside the key by default.',
      helpValue: 'FILE',
    }),
    'accept-lost-history': Flags.boolean({
      description: 'Sign again although records are lost. Once, and only if nothing that this signer said may still be under way.',
      default: false,
    }),
    'snapshot-every': Flags.integer({
      description:
        'Set the state down after so many executed batches, and prune the records behind it that every signer holds. 0 keeps all: let at least one signer do so, for a signer whose disk is lost can only be filled from one that does.',
      default: 0,
      min: 0,
      max: MAX_SNAPSHOT_EVERY,
      helpValue: 'BATCHES',
    }),
    ...sinkFlag,
    pack: Flags.string({
      description: 'Several signers in one process: a list of {manifest, key, store, addresses, tokenFile, …} instead of these flags.',
      exclusive: [...SINGLE, 'api', 'machine-file', 'history', 'sink'],
      helpValue: 'FILE',
    }),
    'log-level': Flags.option({ options: LOG_LEVELS, description: 'The least serious lines of the log.', default: 'info' as const })(),
    bls: Flags.option({ options: ['blst', 'noble'] as const, description: 'Which BLS implementation signs (default: blst where it loads).' })(),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(SignerStart)
    // The store makes files and folders of its own; they are nobody else's to read.
    process.umask(0o077)
    const signers = flags.pack === undefined ? [single(flags)] : await readConfigs(flags.pack)
    process.exit(await runSigners({ signers, logLevel: flags['log-level'], bls: flags.bls }))
  }
}

type Single = { [F in (typeof SINGLE)[number] | 'api' | 'passphrase-file' | 'machine-file' | 'history']?: string | undefined } & {
  'accept-lost-history': boolean
  'snapshot-every': number
  sink?: string[] | undefined
}

function single(flags: Single): SignerConfig {
  const required = (flag: (typeof SINGLE)[number]): string => {
    const value = flags[flag]
    if (value === undefined)
      throw new MusigError('BAD_INPUT', `--${flag} is missing; a signer needs ${SINGLE.map((name) => `--${name}`).join(', ')}, or --pack alone`)
    return value
  }
  return {
    manifest: required('manifest'),
    key: required('key'),
    store: required('store'),
    addresses: required('addresses'),
    tokenFile: required('token-file'),
    api: flags.api,
    passphraseFile: flags['passphrase-file'],
    machineFile: flags['machine-file'],
    history: flags.history,
    acceptLostHistory: flags['accept-lost-history'],
    snapshotEvery: flags['snapshot-every'],
    sinks: flags.sink,
  }
}
