/** `musig tx open`: opens an account of the ledger. */
import { Args } from '@oclif/core'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions } from '../../lib/cli/drawing.js'
import { sendFlags, sendingOf, wholeNumberArg } from '../../lib/cli/tx-flags.js'
import { isAccepted, submitOne } from '../../lib/cluster/submission.js'
import { transactionText } from '../../lib/inspect/transaction-text.js'
import { openPayload } from '../../lib/machine/ledger.js'

export default class TxOpen extends MusigCommand {
  static override summary = 'Open an account of the ledger.'
  static override description =
    'The transaction is signed with the client’s key: whoever opens an account owns it. A refusal (the account exists already) ends with exit code 1.'
  static override examples = [
    '<%= config.bin %> tx open alice 100',
    '<%= config.bin %> tx open alice 100 && <%= config.bin %> tx open bob 0 && <%= config.bin %> tx transfer alice bob 10',
    '<%= config.bin %> tx open carol --as carol --to 3',
  ]
  static override args = {
    name: Args.string({ ignoreStdin: true, description: 'The account.', required: true }),
    amount: wholeNumberArg({ ignoreStdin: true, description: 'What is in it at first.', default: 1000 }),
  }
  static override flags = { ...sendFlags }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(TxOpen)
    const result = await submitOne(sendingOf(flags, this.home(flags)), openPayload(args.name.replace(/^acct:/, ''), args.amount), 'ledger')
    if (!isAccepted(result)) this.sayNo()
    if (!this.jsonEnabled()) this.log(transactionText(result, textOptions()).trimEnd())
    return result
  }
}
