/** `musig cluster kill`: ends the process of a signer at once, as a crash would. */
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { wholeNumberArg } from '../../lib/cli/tx-flags.js'
import { type Hurt, killSigner } from '../../lib/cluster/down.js'

export default class ClusterKill extends MusigCommand {
  static override summary = 'Kill the process of a signer (SIGKILL), as a crash would.'
  static override examples = ['<%= config.bin %> cluster kill 3']
  static override args = { signer: wholeNumberArg({ ignoreStdin: true, description: 'The index of the signer.', required: true }) }
  static override flags = { ...clusterFlag }

  async run(): Promise<Hurt> {
    const { args, flags } = await this.parse(ClusterKill)
    const hurt = await killSigner(this.home(flags), flags.cluster, args.signer)
    const others =
      hurt.signers.length > 1 ? `, and with it the other ${hurt.signers.length - 1} signers of process ${hurt.pid}` : ` (process ${hurt.pid})`
    this.log(`Signer ${args.signer} is killed${others}.`)
    return hurt
  }
}
