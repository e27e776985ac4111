/** `musig tx transfer`: moves an amount from one account of the ledger to another. */
import { Args } from '@oclif/core'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions } from '../../lib/cli/drawing.js'
import { sendFlags, sendingOf, wholeNumberArg } from '../../lib/cli/tx-flags.js'
import { isAccepted, submitOne } from '../../lib/cluster/submission.js'
import { transactionText } from '../../lib/inspect/transaction-text.js'
import { transferPayload } from '../../lib/machine/ledger.js'

export default class TxTransfer extends MusigCommand {
  static override summary = 'Move an amount from one account of the ledger to another.'
  static override description =
    'Its dependency keys are the two accounts, so that it is put in order with every other transaction on either of them. A refusal (no such account, too little in it, somebody else’s) ends with exit code 1.'
  static override examples = ['<%= config.bin %> tx transfer alice bob 10', '<%= config.bin %> tx transfer alice bob 10 --to 2 --json']
  static override args = {
    from: Args.string({ ignoreStdin: true, description: 'The account it is taken from: one of the client’s.', required: true }),
    to: Args.string({ ignoreStdin: true, description: 'The account it goes to.', required: true }),
    amount: wholeNumberArg({ ignoreStdin: true, description: 'How much, a whole number.', required: true }),
  }
  static override flags = { ...sendFlags }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(TxTransfer)
    const result = await submitOne(
      sendingOf(flags, this.home(flags)),
      transferPayload(args.from.replace(/^acct:/, ''), args.to.replace(/^acct:/, ''), args.amount),
      'ledger',
    )
    if (!isAccepted(result)) this.sayNo()
    if (!this.jsonEnabled()) this.log(transactionText(result, textOptions()).trimEnd())
    return result
  }
}
