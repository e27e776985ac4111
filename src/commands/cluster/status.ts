/** `musig cluster status`: what a cluster and each of its signers are doing now. */
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { ClusterFolder } from '../../lib/cluster/cluster-folder.js'
import { machineLines } from '../../lib/cluster/machine-lines.js'
import { networkLines } from '../../lib/cluster/network.js'
import { type ClusterStatus, clusterStatus } from '../../lib/cluster/status.js'
import type { SinkStatus } from '../../lib/node/sinks/feed.js'

/** Digits of an id that are shown in a table. */
const SHOWN = 8

export default class ClusterStatusCommand extends MusigCommand {
  static override summary = 'Show a local cluster: its bounds, and the state of each signer and peer.'
  static override description =
    'A signer is “ready” when it reaches a quorum, “no quorum” when it runs and does not, “follows” when records of it are lost, so that it signs nothing (see musig cluster restart --help), “compares” when it came back and has not seen yet that others have the same order, “left behind” when it lacks batches that all signers it reaches have pruned, “partitioned” when it does not because it was cut off from others, “evicted” when it is no signer any more and “joining” while it is none yet (see musig cluster evict --help and admit), “paused” when its process was stopped with musig cluster pause, “silent” when its process does not answer, and “down”. Where signers were told to lie with musig cluster up --byzantine, “lies” says how. A peer is “level” when it has executed what the signers have, “behind” when it has not, “begins” while it fetches a snapshot and compares what follows from it, and has “no signer” when it reaches none. Who has the same order digest has executed the same. Where the state machine is one of your own, all are asked what they made of the latest transactions: if they do not agree, those that differ and the first transaction are named, and the exit code is 1.'
  static override examples = ['<%= config.bin %> cluster status', '<%= config.bin %> cluster status --json']
  static override flags = { ...clusterFlag }

  async run(): Promise<ClusterStatus> {
    const { flags } = await this.parse(ClusterStatusCommand)
    const status = await clusterStatus(new ClusterFolder(this.home(flags), flags.cluster))
    const running = status.signers.filter(({ pid, state }) => pid !== null && state !== 'evicted').length
    const state = status.ready ? 'ready' : running === 0 ? 'down' : 'not ready: no quorum'
    this.log(`Cluster “${status.cluster}” ${status.id.slice(0, SHOWN)}: ${state}${status.epoch > 0 ? `, in epoch ${status.epoch}` : ''}`)
    this.log(
      `${running} of ${status.n} signers run · quorum ${status.quorum} · may crash ${status.crashBound} · may lie ${status.asyncByzantineBound} (${status.deltaMs > 0 ? `${status.syncByzantineBound} while messages take less than ${status.deltaMs} ms` : 'the synchrony guard is off'})`,
    )
    for (const line of networkLines(status.network)) this.log(line)
    const hasLiars = status.signers.some(({ lie }) => lie !== null)
    await this.table(
      ['signer', 'name', 'state', ...(hasLiars ? ['lies'] : []), 'pid', 'address', 'executed', 'order', 'machine'],
      status.signers.map((signer) => [
        signer.index,
        signer.name,
        signer.state,
        ...(hasLiars ? [signer.lie ?? undefined] : []),
        signer.pid ?? undefined,
        new URL(signer.url).host,
        signer.executed ?? undefined,
        signer.orderDigest?.slice(0, SHOWN),
        signer.machineDigest?.slice(0, SHOWN),
      ]),
    )
    if (status.peers.length > 0) await this.showPeers(status.peers)
    for (const line of machineLines(status)) this.log(line)
    if (status.machine.differing.length > 0) this.sayNo()
    return status
  }

  private async showPeers(peers: ClusterStatus['peers']): Promise<void> {
    this.log('')
    await this.table(
      ['peer', 'state', 'pid', 'address', 'executed', 'behind', 'order', 'machine'],
      peers.map((peer) => [
        peer.index,
        peer.state,
        peer.pid ?? undefined,
        new URL(peer.url).host,
        peer.executed ?? undefined,
        peer.behind ?? undefined,
        peer.orderDigest?.slice(0, SHOWN),
        peer.machineDigest?.slice(0, SHOWN),
      ]),
    )
    for (const { index, sinks } of peers) for (const sink of sinks) this.log(sinkLine(index, sink))
    for (const { index, suspicion } of peers)
      for (const { signer, reason, count } of suspicion)
        this.log(`peer ${index} suspects signer ${signer}: ${reason}${count > 1 ? ` (${count} times)` : ''}`)
  }
}

function sinkLine(peer: number, { name, type, target, state, position, behind, lastError }: SinkStatus): string {
  const which = `peer ${peer} feeds ${name === type ? type : `${name} (${type})`} at ${target}`
  const far = position === null ? '' : `, ${position} transactions there${behind ? `, ${behind} behind` : ''}`
  return `${which}: ${state}${far}${lastError === null ? '' : `: ${lastError}`}`
}
