/** `musig cluster down`: ends the processes of a cluster and keeps its data. */
import { Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { downCluster, type Removal } from '../../lib/cluster/down.js'

export default class ClusterDown extends MusigCommand {
  static override summary = 'Stop a local cluster. Its keys, records and ports stay for the next “cluster up”.'
  static override description = 'Signers are asked to stop, and ended where they do not within seconds. It works on dead and paused ones too.'
  static override examples = ['<%= config.bin %> cluster down', '<%= config.bin %> cluster down --cluster large --purge']
  static override flags = {
    ...clusterFlag,
    purge: Flags.boolean({ description: 'Remove its keys, records and logs too.', default: false }),
  }

  async run(): Promise<Removal> {
    const { flags } = await this.parse(ClusterDown)
    const done = await downCluster(this.home(flags), flags.cluster, { purge: flags.purge })
    const ended = done.stopped === 0 ? 'was down already' : `is down (${done.stopped} ${done.stopped === 1 ? 'process' : 'processes'} stopped)`
    this.log(`Cluster “${done.cluster}” ${ended}${done.removed ? '; its data is removed' : ''}.`)
    return done
  }
}
