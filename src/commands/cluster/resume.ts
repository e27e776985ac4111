/** `musig cluster resume`: lets paused signers go on. */
import { Args } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { pausingText, signerIndices } from '../../lib/cli/signer-args.js'
import { type Pausing, pauseSigners } from '../../lib/cluster/down.js'

export default class ClusterResume extends MusigCommand {
  static override summary = 'Let paused signers go on (SIGCONT).'
  static override description = 'Signers that share a process (cluster up --pack) go on together.'
  static override examples = ['<%= config.bin %> cluster resume 3', '<%= config.bin %> cluster resume 2 3']
  static override strict = false
  static override args = { signers: Args.string({ ignoreStdin: true, description: 'The indices of the signers.', required: true }) }
  static override flags = { ...clusterFlag }

  async run(): Promise<Pausing> {
    const { argv, flags } = await this.parse(ClusterResume)
    const pausing = await pauseSigners(this.home(flags), flags.cluster, signerIndices(argv), false)
    this.log(pausingText(pausing, 'running again'))
    return pausing
  }
}
