/** `musig cluster pause`: stops the processes of signers and peers where they are. */
import { Args } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { membersOf, othersText, subjectOf } from '../../lib/cli/member-args.js'
import { type Pausing, pauseMembers } from '../../lib/cluster/hurt.js'

export default class ClusterPause extends MusigCommand {
  static override summary = 'Pause the processes of signers or peers (SIGSTOP): to the others they fall silent, yet their connections stay open.'
  static override description =
    'Signers that share a process (cluster up --pack) are paused together. They go on with musig cluster resume; down, rm and restart work on them too.'
  static override examples = ['<%= config.bin %> cluster pause 3', '<%= config.bin %> cluster pause 2 3 peer:0']
  static override strict = false
  static override args = { members: Args.string({ ignoreStdin: true, description: 'Signers by number, peers as peer:0.', required: true }) }
  static override flags = { ...clusterFlag }

  async run(): Promise<Pausing> {
    const { argv, flags } = await this.parse(ClusterPause)
    const members = membersOf(argv)
    const pausing = await pauseMembers(this.home(flags), flags.cluster, members, true)
    this.log(`${subjectOf(members)} paused${othersText(members, pausing.signers)}.`)
    return pausing
  }
}
