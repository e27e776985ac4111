/** `musig tx put`: makes or replaces a document. */
import { Args, Flags } from '@oclif/core'
import { utf8 } from '../../lib/base/bytes.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions } from '../../lib/cli/drawing.js'
import { readInput } from '../../lib/cli/input.js'
import { sendFlags, sendingOf } from '../../lib/cli/tx-flags.js'
import { isAccepted, submitOne } from '../../lib/cluster/submission.js'
import { transactionText } from '../../lib/inspect/transaction-text.js'
import { putPayload } from '../../lib/machine/documents.js'
import { readTypedJson } from '../../lib/machine/transaction-lines.js'

export default class TxPut extends MusigCommand {
  static override summary = 'Make or replace a document.'
  static override description = 'The document’s key, doc:ID, is the dependency. For clusters that were started with --machine documents.'
  static override examples = ['<%= config.bin %> tx put doc:1 \'{"title":"first"}\'', '<%= config.bin %> tx put doc:1 - --version 1 < document.json']
  static override args = {
    id: Args.string({ ignoreStdin: true, description: 'The document, as in doc:1.', required: true }),
    document: Args.string({ ignoreStdin: true, description: 'JSON, or - for stdin.', required: true }),
  }
  static override flags = {
    version: Flags.integer({ description: 'Only if the document is at this version.', min: 0, helpValue: 'V' }),
    ...sendFlags,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(TxPut)
    const json = readTypedJson(args.document === '-' ? Uint8Array.from(await readInput('-')) : utf8(args.document), 'the document')
    const result = await submitOne(sendingOf(flags, this.home(flags)), putPayload(args.id.replace(/^doc:/, ''), json, flags.version), 'documents')
    if (!isAccepted(result)) this.sayNo()
    if (!this.jsonEnabled()) this.log(transactionText(result, textOptions()).trimEnd())
    return result
  }
}
