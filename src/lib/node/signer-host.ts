/** A process full of signers: which they are, and what they share. The process itself is `process-host.ts`, a signer `running-signer.ts`. */
import { type Id, toHex } from '../base/bytes.js'
import { Lives } from './lives.js'
import { LocalLinks } from './local-links.js'
import { Liars } from './lying.js'
import { type ProcessContext, type ProcessOptions, runLives } from './process-host.js'
import { type Grounds, RunningSigner } from './running-signer.js'
import { type LoadedConfig, loadConfig, Manifests, type SignerConfig } from './signer-config.js'

export interface HostOptions extends ProcessOptions {
  signers: readonly SignerConfig[]
  grounds?: Grounds | undefined
}

/** Runs signers until SIGTERM, SIGINT or a failure; resolves with the exit code. Errors: those of the start. */
export function runSigners({ signers, grounds, ...options }: HostOptions): Promise<number> {
  return runLives(options, (context) => startAll(signers, grounds, context))
}

async function startAll(
  signers: readonly SignerConfig[],
  grounds: Grounds | undefined,
  { crypto, log, version, failed }: ProcessContext,
): Promise<Lives[]> {
  const manifests = new Manifests(crypto)
  const configs = await Promise.all(signers.map((signer) => loadConfig(signer, crypto, manifests)))
  const local = localLinks(configs)
  const liars = new Liars()
  return configs.map(
    (config, i) =>
      new Lives({
        start: ({ isFirst, startsOver }) =>
          RunningSigner.start({
            // A loss is accepted once: it is not missed any more in the lives after that.
            config: { ...config, acceptLostHistory: isFirst && config.acceptLostHistory },
            crypto,
            log: log.child({ self: config.self }),
            local: local.get(config.manifest.clusterId),
            liars,
            version,
            ofProcess: i === 0,
            grounds,
            startsOver,
            failed,
          }),
        failed,
      }),
  )
}

/** The links within this process, for each cluster. */
function localLinks(configs: readonly LoadedConfig[]): Map<Id, LocalLinks> {
  const clusters = new Set(configs.map(({ manifest }) => manifest.clusterId))
  return new Map(
    [...clusters].map((clusterId) => {
      const signers = configs.filter(({ manifest }) => manifest.clusterId === clusterId).map(({ key }) => toHex(key.publicKey))
      return [clusterId, new LocalLinks(signers)]
    }),
  )
}
