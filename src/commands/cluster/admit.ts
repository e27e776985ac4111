/** `musig cluster admit`: takes a new signer into a cluster, as an ordered change of its signers. */
import { Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { admitSigner, type Changed } from '../../lib/cluster/change.js'

export default class ClusterAdmit extends MusigCommand {
  static override summary = 'Take a new signer into a local cluster.'
  static override description =
    'Makes its keys, with proof of possession, has a quorum of the signers approve, and hands the change in: where it stands in the order an epoch ends, and the next one has one signer more. Then the new signer is started; it follows the order from the beginning, and signs once it has come to its epoch.'
  static override examples = ['<%= config.bin %> cluster admit', '<%= config.bin %> cluster admit --name eve --json']
  static override flags = { name: Flags.string({ description: 'Its name in the manifest; signer-I without it.', helpValue: 'NAME' }), ...clusterFlag }

  async run(): Promise<Changed> {
    const { flags } = await this.parse(ClusterAdmit)
    const changed = await this.interruptible((signal) => admitSigner(this.home(flags), flags.cluster, flags.name, signal))
    const { epoch, signer, n, quorum } = changed
    this.log(`Signer ${signer} is admitted: epoch ${epoch} has ${n} signers, and a quorum of ${quorum}.`)
    return changed
  }
}
