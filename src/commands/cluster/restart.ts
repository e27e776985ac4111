/** `musig cluster restart`: starts a signer or peer again, whether it runs or not. */
import { Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { memberArg, othersText, subjectOf } from '../../lib/cli/member-args.js'
import { type Hurt, restartMember } from '../../lib/cluster/hurt.js'

export default class ClusterRestart extends MusigCommand {
  static override summary = 'Start a signer or peer again, stopped first if it runs, and wait until it is ready.'
  static override description = 'A signer is ready when it reaches a quorum, a peer when it has executed what the signers have.'
  static override examples = ['<%= config.bin %> cluster restart 3', '<%= config.bin %> cluster restart peer:0']
  static override args = { member: memberArg({ ignoreStdin: true, description: 'A signer by number, or a peer as peer:0.', required: true }) }
  static override flags = {
    ...clusterFlag,
    'accept-lost-history': Flags.boolean({
      description: 'Let a signer sign again that follows only because records of it are lost; not about what is undecided now.',
      default: false,
    }),
  }

  async run(): Promise<Hurt> {
    const { args, flags } = await this.parse(ClusterRestart)
    const home = this.home(flags)
    const hurt = await this.interruptible((signal) => restartMember(home, flags.cluster, args.member, signal, flags['accept-lost-history']))
    this.log(`${subjectOf([args.member])} up again${othersText([args.member], hurt.signers)}.`)
    return hurt
  }
}
