/** `musig cluster kill`: ends the process of a signer or peer at once, as a crash would. */
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { memberArg, othersText, subjectOf } from '../../lib/cli/member-args.js'
import { type Hurt, killMember } from '../../lib/cluster/hurt.js'

export default class ClusterKill extends MusigCommand {
  static override summary = 'Kill the process of a signer or peer (SIGKILL), as a crash would.'
  static override examples = ['<%= config.bin %> cluster kill 3', '<%= config.bin %> cluster kill peer:0']
  static override args = { member: memberArg({ ignoreStdin: true, description: 'A signer by number, or a peer as peer:0.', required: true }) }
  static override flags = { ...clusterFlag }

  async run(): Promise<Hurt> {
    const { args, flags } = await this.parse(ClusterKill)
    const hurt = await killMember(this.home(flags), flags.cluster, args.member)
    this.log(`${subjectOf([args.member])} killed${othersText([args.member], hurt.signers) || ` (process ${hurt.pid})`}.`)
    return hurt
  }
}
