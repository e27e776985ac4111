/**
 * The entry of a signer process, as local clusters start it: bundled into one file, without the command line's weight. Only reads its options; the process is
 * `signer-host.ts`.
 */
import { parseArgs } from 'node:util'
import { MusigError } from '../base/errors.js'
import { readConfigs, type SignerConfig } from './signer-config.js'
import { type HostOptions, LOG_LEVELS, runSigners } from './signer-host.js'

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
  /** A JSON list of configurations instead of the above: several signers in this process. */
  pack: { type: 'string' },
  'log-level': { type: 'string' },
  bls: { type: 'string' },
} as const

async function optionsOf(args: string[]): Promise<HostOptions> {
  const { values } = parse(args)
  const level = values['log-level'] ?? 'info'
  const logLevel = LOG_LEVELS.find((known) => known === level)
  if (!logLevel) throw new MusigError('BAD_INPUT', `--log-level ${level} is none of ${LOG_LEVELS.join(', ')}`)
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
  }
  return { signers: [signer], logLevel, bls: values.bls }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: FLAGS, strict: true, allowPositionals: false })
  } catch (error) {
    throw new MusigError('BAD_INPUT', error instanceof Error ? error.message : String(error))
  }
}

try {
  // The store makes files and folders of its own; they are nobody else's to read.
  process.umask(0o077)
  process.exit(await runSigners(await optionsOf(process.argv.slice(2))))
} catch (error) {
  const known =
    error instanceof MusigError ? error : new MusigError('INTERNAL', error instanceof Error ? (error.stack ?? error.message) : String(error))
  process.stderr.write(`Error: ${known.message}\n`)
  process.exit(known.exitCode)
}
