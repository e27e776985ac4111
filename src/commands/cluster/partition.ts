/** `musig cluster partition`: parts the signers into groups that do not reach one another. */
import { Args } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { changeWarnings, type NetworkChange, networkLines, partitionCluster } from '../../lib/cluster/network.js'

export default class ClusterPartition extends MusigCommand {
  static override summary = 'Part the signers into groups that do not reach one another, until “cluster heal”.'
  static override description =
    'Groups are parted by “/”, each of numbers and ranges; signers that are not named form one more group. It takes the place of an earlier partition, holds for signers that are started later, and also for those that share a process. Clients still reach every signer.'
  static override examples = [
    '<%= config.bin %> cluster partition 0-1/2-4',
    { description: 'Signer 3 alone, all others together:', command: '<%= config.bin %> cluster partition 3' },
  ]
  static override args = { groups: Args.string({ ignoreStdin: true, description: 'The groups, as in 0-9/10-30.', required: true }) }
  static override flags = { ...clusterFlag }

  async run(): Promise<NetworkChange> {
    const { args, flags } = await this.parse(ClusterPartition)
    const changed = await partitionCluster(this.home(flags), flags.cluster, args.groups)
    this.log(`Cluster “${changed.cluster}” is ${networkLines({ ...changed, links: [] }).join()}.`)
    for (const line of changeWarnings(changed)) this.warn(line)
    return changed
  }
}
