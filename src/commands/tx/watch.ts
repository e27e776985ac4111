/** `musig tx watch`: every transaction as a signer executes it, until Ctrl-C. */
import { Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { fromFlag } from '../../lib/cli/tx-flags.js'
import { withCluster } from '../../lib/cluster/connection.js'
import { transactionLine } from '../../lib/inspect/transaction-text.js'

export default class TxWatch extends MusigCommand {
  static override summary = 'Watch transactions as they are executed.'
  static override description =
    'One line each, with --json one JSON object a line, until Ctrl-C or --limit. Goes over to another signer when the connection ends, unless --from names one; what was executed meanwhile is not told.'
  static override examples = ['<%= config.bin %> tx watch', '<%= config.bin %> tx watch --json | jq .path', '<%= config.bin %> tx watch --limit 10']
  static override flags = {
    limit: Flags.integer({ char: 'l', description: 'End after so many.', min: 1, helpValue: 'N' }),
    ...fromFlag,
    ...clusterFlag,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(TxWatch)
    const { cluster, from, limit } = flags
    await this.interruptible((signal) =>
      withCluster({ home: this.home(flags), cluster }, ({ client }) => {
        let heard = 0
        return new Promise<void>((resolve, reject) => {
          signal.addEventListener('abort', () => resolve())
          client
            .subscribe(
              (result) => {
                if (limit !== undefined && heard >= limit) return
                heard++
                if (this.jsonEnabled()) this.logJsonLine(result)
                else this.log(transactionLine(result))
                if (heard === limit) resolve()
              },
              { from },
            )
            .then(() => process.stderr.write('Watching; Ctrl-C ends it.\n'), reject)
        })
      }),
    )
  }
}
