/**
 * The entry of a signer process, as local clusters start it: bundled into one file, without the command line's weight. Only reads its options; the process is
 * `signer-host.ts`.
 */
import { MusigError } from '../base/errors.js'
import { flagsOf, runEntry } from './entry.js'
import { logLevelOf } from './process-host.js'
import { readConfigs, type SignerConfig } from './signer-config.js'
import { type HostOptions, runSigners } from './signer-host.js'

const FLAGS = {
  manifest: { type: 'string' },
  key: { type: 'string' },
  store: { type: 'string' },
  addresses: { type: 'string' },
  'token-file': { type: 'string' },
  api: { type: 'string' },
  'passphrase-file': { type: 'string' },
  'machine-file': { type: 'string' },
  history: { type: 'string' },
  'accept-lost-history': { type: 'boolean' },
  sink: { type: 'string', multiple: true },
  /** A JSON list of configurations instead of the above: several signers in this process. */
  pack: { type: 'string' },
  'log-level': { type: 'string' },
  bls: { type: 'string' },
} as const

async function optionsOf(args: string[]): Promise<HostOptions> {
  const values = flagsOf(args, FLAGS)
  const logLevel = logLevelOf(values['log-level'] ?? 'info')
  if (values.pack !== undefined) return { signers: await readConfigs(values.pack), logLevel, bls: values.bls }
  const required = (name: 'manifest' | 'key' | 'store' | 'addresses' | 'token-file'): string => {
    const value = values[name]
    if (value === undefined) throw new MusigError('BAD_INPUT', `--${name} is missing`)
    return value
  }
  const signer: SignerConfig = {
    manifest: required('manifest'),
    key: required('key'),
    store: required('store'),
    addresses: required('addresses'),
    tokenFile: required('token-file'),
    api: values.api,
    passphraseFile: values['passphrase-file'],
    machineFile: values['machine-file'],
    history: values.history,
    acceptLostHistory: values['accept-lost-history'],
    sinks: values.sink,
  }
  return { signers: [signer], logLevel, bls: values.bls }
}

await runEntry(async (args) => runSigners(await optionsOf(args)))
