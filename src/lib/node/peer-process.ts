/**
 * The entry of a peer process, as local clusters start it: bundled into one file, without the command line's weight. Only reads its options; the process is
 * `peer-host.ts`.
 */
import { MusigError } from '../base/errors.js'
import { flagsOf, runEntry } from './entry.js'
import { readPeerConfig } from './peer-config.js'
import { runPeer } from './peer-host.js'
import { logLevelOf } from './process-host.js'

const FLAGS = {
  /** A JSON file with the configuration. */
  peer: { type: 'string' },
  'log-level': { type: 'string', default: 'info' },
  bls: { type: 'string' },
} as const

await runEntry(async (args) => {
  const { peer, bls, 'log-level': logLevel } = flagsOf(args, FLAGS)
  if (peer === undefined) throw new MusigError('BAD_INPUT', '--peer is missing')
  return runPeer(await readPeerConfig(peer), { logLevel: logLevelOf(logLevel), bls })
})
