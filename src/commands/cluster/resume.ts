/** `musig cluster resume`: lets paused signers and peers go on. */
import { Args } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { membersOf, othersText, subjectOf } from '../../lib/cli/member-args.js'
import { type Pausing, pauseMembers } from '../../lib/cluster/hurt.js'

export default class ClusterResume extends MusigCommand {
  static override summary = 'Let paused signers or peers go on (SIGCONT).'
  static override description = 'Signers that share a process (cluster up --pack) go on together.'
  static override examples = ['<%= config.bin %> cluster resume 3', '<%= config.bin %> cluster resume 2 3']
  static override strict = false
  static override args = { members: Args.string({ ignoreStdin: true, description: 'Signers by number, peers as peer:0.', required: true }) }
  static override flags = { ...clusterFlag }

  async run(): Promise<Pausing> {
    const { argv, flags } = await this.parse(ClusterResume)
    const members = membersOf(argv)
    const pausing = await pauseMembers(this.home(flags), flags.cluster, members, false)
    this.log(`${subjectOf(members)} running again${othersText(members, pausing.signers)}.`)
    return pausing
  }
}
