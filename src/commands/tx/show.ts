/** `musig tx show`: one transaction's life, and its certificate into a file. */
import { Args, Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions, writeOutput } from '../../lib/cli/drawing.js'
import { parsePrefix } from '../../lib/cli/prefix.js'
import { fromFlag } from '../../lib/cli/tx-flags.js'
import { withCluster } from '../../lib/cluster/connection.js'
import { transactionText } from '../../lib/inspect/transaction-text.js'

export default class TxShow extends MusigCommand {
  static override summary = 'Show a transaction: its place in the order, how it was decided, what came of it.'
  static override description =
    'The id may be shortened to six characters or more. It is shown as it stands, waited for or not; a rejected one is shown by the signer that rejected it.'
  static override examples = [
    '<%= config.bin %> tx show 3f2a91',
    '<%= config.bin %> tx show 3f2a91 --json',
    '<%= config.bin %> tx show 3f2a91 --certificate certificate.json && <%= config.bin %> verify cert certificate.json',
  ]
  static override args = { id: Args.string({ ignoreStdin: true, description: 'The transaction’s id, or the beginning of it.', required: true }) }
  static override flags = {
    certificate: Flags.string({ description: 'Write the certificate of its batch to this file, - for stdout.', helpValue: 'FILE' }),
    ...fromFlag,
    ...clusterFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(TxShow)
    const id = parsePrefix(args.id, 'transaction')
    const { certificate: file, cluster, from } = flags
    const { result, certificate } = await withCluster({ home: this.home(flags), cluster }, async ({ client }) => {
      const result = await client.show(id, { from })
      return { result, certificate: file === undefined ? undefined : await client.certificate(result.txId, { from }) }
    })
    if (file !== undefined && certificate !== undefined) {
      if (file !== '-' || !this.jsonEnabled()) writeOutput(file, `${JSON.stringify({ schema: 1, ...certificate }, null, 2)}\n`)
      if (file === '-') return { ...result, certificate }
      if (!this.jsonEnabled()) process.stderr.write(`The certificate is in ${file}\n`)
    }
    if (!this.jsonEnabled()) this.log(transactionText(result, textOptions()).trimEnd())
    return result
  }
}
