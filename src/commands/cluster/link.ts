/** `musig cluster link`: makes the link between two signers late or lossy. */
import { Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { shareFlag, wholeNumberArg } from '../../lib/cli/tx-flags.js'
import { changeLink, changeWarnings, type NetworkChange, networkLines } from '../../lib/cluster/network.js'

export default class ClusterLink extends MusigCommand {
  static override summary = 'Make the link between two signers late, or let it lose messages.'
  static override description =
    'It holds in both directions unless told otherwise, until “cluster heal”, also for signers that are started later. What is not given stays as it was; 0 takes it away. A loss of 1 lets nothing through.'
  static override examples = [
    '<%= config.bin %> cluster link 0 1 --delay 200',
    '<%= config.bin %> cluster link 0 1 --loss 0.3 --one-way',
    '<%= config.bin %> cluster link 0 1 --delay 0 --loss 0',
  ]
  static override args = {
    from: wholeNumberArg({ ignoreStdin: true, description: 'The index of a signer.', required: true }),
    to: wholeNumberArg({ ignoreStdin: true, description: 'The index of another signer.', required: true }),
  }
  static override flags = {
    delay: Flags.integer({ description: 'How much later each message arrives, in milliseconds.', min: 0, max: 60_000, helpValue: 'MS' }),
    loss: shareFlag({ description: 'The share of messages that is lost: 0.3 or 30%.', helpValue: 'P' }),
    'one-way': Flags.boolean({ description: 'Only what goes from the first signer to the second.', default: false }),
    ...clusterFlag,
  }

  async run(): Promise<NetworkChange> {
    const { args, flags } = await this.parse(ClusterLink)
    const { delay: delayMs, loss } = flags
    if (delayMs === undefined && loss === undefined) throw new MusigError('BAD_INPUT', 'give --delay MS, --loss P or both')
    const changed = await changeLink(this.home(flags), flags.cluster, { ...args, delayMs, loss, oneWay: flags['one-way'] })
    const own = changed.links.filter(({ from, to }) => [args.from, args.to].includes(from) && [args.from, args.to].includes(to))
    const lines = networkLines({ partition: [], links: own })
    this.log(lines.length > 0 ? lines.join('\n') : `link ${args.from} – ${args.to}: nothing is wrong with it`)
    for (const line of changeWarnings(changed)) this.warn(line)
    return changed
  }
}
