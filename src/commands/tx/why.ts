/** `musig tx why`: why a transaction is not executed yet, or why it stands where it does. */
import { Args } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { parsePrefix } from '../../lib/cli/prefix.js'
import { fromFlag } from '../../lib/cli/tx-flags.js'
import { withCluster } from '../../lib/cluster/connection.js'
import { liveWhy } from '../../lib/inspect/live-batch.js'
import { askingSigners } from '../../lib/node/ask-all.js'

export default class TxWhy extends MusigCommand {
  static override summary = 'Say why a transaction is not executed yet, or why it stands where it does.'
  static override description =
    'One sentence, then the details: which signers have not voted or accepted, which do not answer, the ballot and its coordinator, and what a committed transaction waits for; of an executed one, why its batch stands before and behind its nearest rivals.'
  static override examples = ['<%= config.bin %> tx why 3f2a91', '<%= config.bin %> tx why 3f2a91 --json']
  static override args = { id: Args.string({ ignoreStdin: true, description: 'The transaction’s id, or the beginning of it.', required: true }) }
  static override flags = { ...fromFlag, ...clusterFlag }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(TxWhy)
    const id = parsePrefix(args.id, 'transaction')
    const { cluster, from } = flags
    const { result, why } = await withCluster({ home: this.home(flags), cluster }, async ({ client, manifest }) => {
      const result = await client.show(id, { from })
      return { result, why: await liveWhy(askingSigners(client, manifest), result, from) }
    })
    if (!this.jsonEnabled()) this.log([why.sentence, ...why.details.map((line) => `  ${line}`)].join('\n'))
    return { txId: result.txId, batchId: result.batchId, status: result.status, ...why }
  }
}
