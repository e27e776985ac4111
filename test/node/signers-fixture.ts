/** Signers and peers of a cluster inside the test's own process. */
import { join } from 'node:path'
import { pino } from 'pino'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { Lives } from '../../src/lib/node/lives.js'
import { loadPeer, type PeerConfig } from '../../src/lib/node/peer-config.js'
import type { PeerStatusAnswer } from '../../src/lib/node/peer-status.js'
import { RunningPeer } from '../../src/lib/node/running-peer.js'
import { RunningSigner } from '../../src/lib/node/running-signer.js'
import { loadConfig, Manifests } from '../../src/lib/node/signer-config.js'
import { type ClusterFiles, freePorts } from './cluster-fixture.js'

const crypto = loadCrypto()

/** Starts signer `index` of a cluster. Its failure stops the test. */
export async function startSigner(files: ClusterFiles, index: number): Promise<RunningSigner> {
  const config = files.configs[index]
  if (!config) throw new Error(`no signer ${index}`)
  const loaded = await loadConfig(config, crypto, new Manifests(crypto))
  return RunningSigner.start({
    config: loaded,
    crypto,
    log: pino({ level: 'silent' }),
    version: '0.0.0-test',
    ofProcess: index === 0,
    startsOver: () => {
      throw new Error(`signer ${index} starts over`)
    },
    failed: (error) => {
      throw error
    },
  })
}

/** A peer that runs, through all its lives. */
export interface StartedPeer {
  url: string
  stop(): Promise<void>
}

/** Starts a peer of a cluster, its API on a port of its own. */
export async function startPeer(files: ClusterFiles, name: string, options: Partial<PeerConfig> = {}): Promise<StartedPeer> {
  const [config] = files.configs
  if (!config) throw new Error('no signer')
  const { manifest, addresses } = config
  const [port] = await freePorts(1)
  const api = `http://127.0.0.1:${port}`
  const choices = { machineFile: null, confirm: 0, follow: null, fromSnapshot: false, name: null, sinks: [], ...options }
  const peer = await loadPeer({ manifest, addresses, store: join(files.folder, name), api, ...choices }, crypto)
  const failed = (error: unknown) => {
    throw error
  }
  const log = pino({ level: 'silent' })
  const lives = new Lives({
    start: ({ startsOver }) => RunningPeer.start({ config: peer, crypto, log, version: '0.0.0-test', startsOver, failed }),
    failed,
  })
  await lives.started
  return { url: api, stop: () => lives.end() }
}

/** What a peer says of itself. */
export async function peerStatus({ url }: Pick<StartedPeer, 'url'>): Promise<PeerStatusAnswer> {
  return (await (await fetch(new URL('/api/status', url))).json()) as PeerStatusAnswer
}
