/** `musig tx patch`: merges a patch into a document. */
import { Args, Flags } from '@oclif/core'
import { utf8 } from '../../lib/base/bytes.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions } from '../../lib/cli/drawing.js'
import { readInput } from '../../lib/cli/input.js'
import { sendFlags, sendingOf } from '../../lib/cli/tx-flags.js'
import { isAccepted, submitOne } from '../../lib/cluster/submission.js'
import { transactionText } from '../../lib/inspect/transaction-text.js'
import { patchPayload } from '../../lib/machine/documents.js'
import { readTypedJson } from '../../lib/machine/transaction-lines.js'

export default class TxPatch extends MusigCommand {
  static override summary = 'Change parts of a document: a JSON merge patch (RFC 7386).'
  static override description = 'Fields of the patch replace those of the document, null takes one away.'
  static override examples = ['<%= config.bin %> tx patch doc:1 \'{"title":"better","draft":null}\'']
  static override args = {
    id: Args.string({ ignoreStdin: true, description: 'The document, as in doc:1.', required: true }),
    patch: Args.string({ ignoreStdin: true, description: 'A JSON merge patch (RFC 7386), or - for stdin.', required: true }),
  }
  static override flags = {
    version: Flags.integer({ description: 'Only if the document is at this version.', min: 0, helpValue: 'V' }),
    ...sendFlags,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(TxPatch)
    const json = readTypedJson(args.patch === '-' ? Uint8Array.from(await readInput('-')) : utf8(args.patch), 'the patch')
    const result = await submitOne(sendingOf(flags, this.home(flags)), patchPayload(args.id.replace(/^doc:/, ''), json, flags.version), 'documents')
    if (!isAccepted(result)) this.sayNo()
    if (!this.jsonEnabled()) this.log(transactionText(result, textOptions()).trimEnd())
    return result
  }
}
