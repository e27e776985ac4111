/** `musig cluster status`: what a cluster and each of its signers are doing now. */
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { ClusterFolder } from '../../lib/cluster/cluster-folder.js'
import { networkLines } from '../../lib/cluster/network.js'
import { type ClusterStatus, clusterStatus } from '../../lib/cluster/status.js'

/** Digits of an id that are shown in a table. */
const SHOWN = 8

export default class ClusterStatusCommand extends MusigCommand {
  static override summary = 'Show a local cluster: its bounds, and the state of each signer.'
  static override description =
    'A signer is “ready” when it reaches a quorum, “no quorum” when it runs and does not, “follows” when records of it are lost, so that it signs nothing (see musig cluster restart --help), “compares” when it came back and has not seen yet that others have the same order, “left behind” when it lacks batches that all signers it reaches have pruned, “partitioned” when it does not because it was cut off from others, “paused” when its process was stopped with musig cluster pause, “silent” when its process does not answer, and “down”. Signers with the same order digest have executed the same.'
  static override examples = ['<%= config.bin %> cluster status', '<%= config.bin %> cluster status --json']
  static override flags = { ...clusterFlag }

  async run(): Promise<ClusterStatus> {
    const { flags } = await this.parse(ClusterStatusCommand)
    const status = await clusterStatus(new ClusterFolder(this.home(flags), flags.cluster))
    const running = status.signers.filter(({ pid }) => pid !== null).length
    const state = status.ready ? 'ready' : running === 0 ? 'down' : 'not ready: no quorum'
    this.log(`Cluster “${status.cluster}” ${status.id.slice(0, SHOWN)}: ${state}`)
    this.log(
      `${running} of ${status.n} signers run · quorum ${status.quorum} · may crash ${status.crashBound} · may lie ${status.asyncByzantineBound} (${status.deltaMs > 0 ? `${status.syncByzantineBound} while messages take less than ${status.deltaMs} ms` : 'the synchrony guard is off'})`,
    )
    for (const line of networkLines(status.network)) this.log(line)
    await this.table(
      ['signer', 'name', 'state', 'pid', 'address', 'executed', 'order', 'machine'],
      status.signers.map((signer) => [
        signer.index,
        signer.name,
        signer.state,
        signer.pid ?? undefined,
        new URL(signer.url).host,
        signer.executed ?? undefined,
        signer.orderDigest?.slice(0, SHOWN),
        signer.machineDigest?.slice(0, SHOWN),
      ]),
    )
    return status
  }
}
