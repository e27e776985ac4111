/** `musig cluster heal`: takes every fault of the network away. */
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { changeWarnings, healCluster, type NetworkChange } from '../../lib/cluster/network.js'

export default class ClusterHeal extends MusigCommand {
  static override summary = 'End a partition and all faults of links.'
  static override description = 'Signers that are paused or killed stay so: “cluster resume” and “cluster restart” are for them.'
  static override examples = ['<%= config.bin %> cluster heal']
  static override flags = { ...clusterFlag }

  async run(): Promise<NetworkChange> {
    const { flags } = await this.parse(ClusterHeal)
    const changed = await healCluster(this.home(flags), flags.cluster)
    this.log(`The network of cluster “${changed.cluster}” is whole.`)
    for (const line of changeWarnings(changed)) this.warn(line)
    return changed
  }
}
