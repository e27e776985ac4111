/** `musig cluster pause`: stops the processes of signers where they are. */
import { Args } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { pausingText, signerIndices } from '../../lib/cli/signer-args.js'
import { type Pausing, pauseSigners } from '../../lib/cluster/down.js'

export default class ClusterPause extends MusigCommand {
  static override summary = 'Pause the processes of signers (SIGSTOP): to the others they fall silent, yet their connections stay open.'
  static override description =
    'Signers that share a process (cluster up --pack) are paused together. They go on with musig cluster resume; down, rm and restart work on them too.'
  static override examples = ['<%= config.bin %> cluster pause 3', '<%= config.bin %> cluster pause 2 3']
  static override strict = false
  static override args = { signers: Args.string({ ignoreStdin: true, description: 'The indices of the signers.', required: true }) }
  static override flags = { ...clusterFlag }

  async run(): Promise<Pausing> {
    const { argv, flags } = await this.parse(ClusterPause)
    const pausing = await pauseSigners(this.home(flags), flags.cluster, signerIndices(argv), true)
    this.log(pausingText(pausing, 'paused'))
    return pausing
  }
}
