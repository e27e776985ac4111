/** Signers of a cluster inside the test's own process. */
import { pino } from 'pino'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { RunningSigner } from '../../src/lib/node/running-signer.js'
import { loadConfig, Manifests } from '../../src/lib/node/signer-config.js'
import type { ClusterFiles } from './cluster-fixture.js'

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

/** Asks until the answer is yes. Fails after `limitMs`. */
export async function until(what: string, ask: () => Promise<boolean> | boolean, limitMs = 30_000): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await ask())) {
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
