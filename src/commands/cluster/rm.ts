/** `musig cluster rm`: stops a cluster and removes all that it has. */
import { Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { downCluster, removalOf } from '../../lib/cluster/down.js'

export default class ClusterRm extends MusigCommand {
  static override summary = 'Stop a local cluster and remove its keys, records and logs.'
  static override examples = ['<%= config.bin %> cluster rm --dry-run', '<%= config.bin %> cluster rm --cluster large']
  static override flags = {
    ...clusterFlag,
    'dry-run': Flags.boolean({ description: 'Say what would be stopped and removed, and do nothing.', default: false }),
  }

  async run(): Promise<object> {
    const { flags } = await this.parse(ClusterRm)
    const home = this.home(flags)
    if (!flags['dry-run']) {
      const done = await downCluster(home, flags.cluster, { purge: true })
      this.log(
        `Cluster “${done.cluster}” is removed${done.stopped > 0 ? ` (${done.stopped} ${done.stopped === 1 ? 'process' : 'processes'} stopped)` : ''}.`,
      )
      return { ...done, dryRun: false }
    }
    const { folder, running, entries } = await removalOf(home, flags.cluster)
    for (const { pid, name } of running) this.log(`would stop process ${pid} (signer ${name})`)
    for (const entry of entries) this.log(`would remove ${folder}/${entry}`)
    return {
      cluster: flags.cluster,
      folder,
      stopped: 0,
      removed: false,
      dryRun: true,
      wouldStop: running.map(({ pid }) => pid),
      wouldRemove: entries,
    }
  }
}
