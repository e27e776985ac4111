/** `musig tx delete`: deletes a document. */
import { Args, Flags } from '@oclif/core'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions } from '../../lib/cli/drawing.js'
import { sendFlags, sendingOf } from '../../lib/cli/tx-flags.js'
import { isAccepted, submitOne } from '../../lib/cluster/submission.js'
import { transactionText } from '../../lib/inspect/transaction-text.js'
import { deletePayload } from '../../lib/machine/documents.js'

export default class TxDelete extends MusigCommand {
  static override summary = 'Delete a document.'
  static override description = 'Its version stays known, so that one version never means two contents.'
  static override examples = ['<%= config.bin %> tx delete doc:1', '<%= config.bin %> tx delete doc:1 --version 3']
  static override args = {
    id: Args.string({ ignoreStdin: true, description: 'The document, as in doc:1.', required: true }),
  }
  static override flags = {
    version: Flags.integer({ description: 'Only if the document is at this version.', min: 0, helpValue: 'V' }),
    ...sendFlags,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(TxDelete)
    const result = await submitOne(sendingOf(flags, this.home(flags)), deletePayload(args.id.replace(/^doc:/, ''), flags.version), 'documents')
    if (!isAccepted(result)) this.sayNo()
    if (!this.jsonEnabled()) this.log(transactionText(result, textOptions()).trimEnd())
    return result
  }
}
