/** A process that is one peer. The process itself is `process-host.ts`, the peer `running-peer.ts`. */
import { Lives, type LivesOptions } from './lives.js'
import { loadPeer, type PeerConfig } from './peer-config.js'
import { type ProcessOptions, runLives } from './process-host.js'
import { RunningPeer } from './running-peer.js'

/** Runs a peer until SIGTERM, SIGINT or a failure; resolves with the exit code. Errors: those of the start. */
export function runPeer(peer: PeerConfig, options: ProcessOptions): Promise<number> {
  return runLives(options, async ({ crypto, log, version, failed }) => {
    const config = await loadPeer(peer, crypto)
    const own = log.child({ self: config.name })
    let first = config.first
    const start: LivesOptions['start'] = ({ startsOver }) =>
      // Another one each time: the last life may have ended by what the one before sent.
      RunningPeer.start({ config: { ...config, first: first++ % config.manifest.n }, crypto, log: own, version, startsOver, failed })
    return [new Lives({ start, failed })]
  })
}
