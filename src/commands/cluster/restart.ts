/** `musig cluster restart`: starts a signer again, whether it runs or not. */
import { Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { wholeNumberArg } from '../../lib/cli/tx-flags.js'
import { type Hurt, restartSigner } from '../../lib/cluster/down.js'

export default class ClusterRestart extends MusigCommand {
  static override summary = 'Start a signer again, stopped first if it runs, and wait until it is ready.'
  static override examples = ['<%= config.bin %> cluster restart 3']
  static override args = { signer: wholeNumberArg({ ignoreStdin: true, description: 'The index of the signer.', required: true }) }
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
    const hurt = await this.interruptible((signal) => restartSigner(home, flags.cluster, args.signer, signal, flags['accept-lost-history']))
    const others = hurt.signers.length > 1 ? `, with the other ${hurt.signers.length - 1} signers of its process` : ''
    this.log(`Signer ${args.signer} is up again${others}.`)
    return hurt
  }
}
