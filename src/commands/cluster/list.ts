/** `musig cluster list`: the local clusters. */
import { MusigCommand } from '../../lib/cli/base-command.js'
import { type ClusterSummary, listClusters } from '../../lib/cluster/status.js'

export default class ClusterList extends MusigCommand {
  static override summary = 'List the local clusters and how much of each runs.'
  static override examples = ['<%= config.bin %> cluster list']

  async run(): Promise<{ clusters: ClusterSummary[] }> {
    const { flags } = await this.parse(ClusterList)
    const clusters = await listClusters(this.home(flags))
    if (clusters.length === 0) this.log('No clusters; start one with: musig cluster up')
    else {
      await this.table(
        ['cluster', 'signers', 'running', 'made', 'folder'],
        clusters.map(({ cluster, n, running, createdAt, folder }) => [cluster, n ?? 'damaged', running, createdAt ?? undefined, folder]),
      )
    }
    return { clusters }
  }
}
