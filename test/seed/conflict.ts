/** Two conflicting batches whose arrival order at every signer is chosen by the test: signers stand in a star, so that roots reach all others directly. */
import { HOP_MS, SmallCluster } from '../core/small-cluster.js'

/**
 * Batch `a` of signer 0 and `b` of signer 1, both on key `k`, on their way at one moment; `aFirst` says for signers from 2 on which one arrives first.
 * A vote for what arrived first takes `firstVoteMs`: with more than a few hops, those who put the other batch before are counted first.
 */
export function conflict(n: number, aFirst: (signer: number) => boolean, firstVoteMs = HOP_MS): { cluster: SmallCluster; a: string; b: string } {
  const cluster = new SmallCluster({ n, fanout: n - 1 })
  cluster.delay = ({ from, to, message }) => {
    if (message.type === 'vote') return from > 1 && (to === 0) === aFirst(from) ? firstVoteMs : HOP_MS
    if (message.type !== 'propose') return HOP_MS
    const isFirst = to > 1 && (from === 0) === aFirst(to)
    return isFirst ? HOP_MS : 3 * HOP_MS
  }
  const a = cluster.propose(0, ['k']).id
  const b = cluster.propose(1, ['k']).id
  return { cluster, a, b }
}
