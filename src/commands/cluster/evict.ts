/** `musig cluster evict`: takes a signer out of a cluster, as an ordered change of its signers. */
import { Args } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { type Changed, evictSigner } from '../../lib/cluster/change.js'

export default class ClusterEvict extends MusigCommand {
  static override summary = 'Take a signer out of a local cluster.'
  static override description =
    'An ordered change: a quorum of the signers approves it with their keys, which lie in the cluster’s folder, it is put in order like any transaction, and where it stands an epoch ends. Nothing that was acknowledged is lost; what was under way finishes before it or is proposed again behind it. Afterwards there is one signer less, with quorum and bounds for that number, and what the evicted one signs counts nowhere. Its process is left as it is and takes no part.'
  static override examples = ['<%= config.bin %> cluster evict 3', '<%= config.bin %> cluster evict 3 --json']
  static override args = { signer: Args.integer({ ignoreStdin: true, description: 'The signer, by its number.', required: true, min: 0 }) }
  static override flags = { ...clusterFlag }

  async run(): Promise<Changed> {
    const { args, flags } = await this.parse(ClusterEvict)
    const changed = await evictSigner(this.home(flags), flags.cluster, args.signer)
    const { epoch, signer, n, quorum } = changed
    this.log(`Signer ${signer} is evicted: epoch ${epoch} has ${n} ${n === 1 ? 'signer' : 'signers'}, and a quorum of ${quorum}.`)
    return changed
  }
}
