/** `musig tx list`: the latest transactions, as one signer executed them. */
import { Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { fromFlag } from '../../lib/cli/tx-flags.js'
import { withCluster } from '../../lib/cluster/connection.js'
import { TRANSACTION_COLUMNS, transactionRow } from '../../lib/inspect/transaction-text.js'

export default class TxList extends MusigCommand {
  static override summary = 'List the latest transactions, newest first.'
  static override description =
    'In the order in which one signer executed them; those without a common key may stand in another order at another signer. The latency is that of the signer asked.'
  static override examples = ['<%= config.bin %> tx list', '<%= config.bin %> tx list --limit 100 --from 3 --json']
  static override flags = {
    limit: Flags.integer({ char: 'l', description: 'How many.', default: 20, min: 1, max: 1000, helpValue: 'N' }),
    ...fromFlag,
    ...clusterFlag,
  }

  async run(): Promise<object> {
    const { flags } = await this.parse(TxList)
    const { cluster, from, limit } = flags
    const transactions = await withCluster({ home: this.home(flags), cluster }, ({ client }) => client.list({ limit, from }))
    if (transactions.length > 0) await this.table(TRANSACTION_COLUMNS, transactions.map(transactionRow))
    else if (!this.jsonEnabled()) this.log('No transactions yet.')
    return { transactions }
  }
}
