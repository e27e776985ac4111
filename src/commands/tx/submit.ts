/** `musig tx submit`: one transaction, or many from a file, given to the signers. */
import { Args, Flags } from '@oclif/core'
import { utf8 } from '../../lib/base/bytes.js'
import { MusigError } from '../../lib/base/errors.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions } from '../../lib/cli/drawing.js'
import { readInput } from '../../lib/cli/input.js'
import { sendFlags, sendingOf } from '../../lib/cli/tx-flags.js'
import { isAccepted, type Sending, type Sent, submitMany, submitOne } from '../../lib/cluster/submission.js'
import { TRANSACTION_COLUMNS, transactionRow, transactionText } from '../../lib/inspect/transaction-text.js'
import { plainDraft, readTransactionLines } from '../../lib/machine/transaction-lines.js'

/** Transactions of a file that are shown one by one. */
const SHOWN = 40

export default class TxSubmit extends MusigCommand {
  static override summary = 'Submit a transaction, wait for its execution and show its place in the order.'
  static override description =
    'The payload is text or JSON, as the state machine wants it; transactions that share a dependency key are put in one order. With --batch each line of a file is a transaction, {"deps":[…],"payload":…} or an operation {"op":…} of a built-in machine; they are sent at once, over all signers in turn, and with --json there is one line for each and one with the sums. Exit code 1: rejected, or refused at its place in the order. 3: not reached or timed out; it may have happened, so ask again with the id.'
  static override examples = [
    '<%= config.bin %> tx submit hello --deps greetings',
    `<%= config.bin %> tx submit '{"op":"transfer","from":"alice","to":"bob","amount":10}' --deps acct:alice,acct:bob --to 2`,
    '<%= config.bin %> tx submit --payload order.json --deps stock:17 --as shop --json',
    'echo hello | <%= config.bin %> tx submit --payload - --wait none',
    '<%= config.bin %> tx submit --batch transfers.jsonl',
  ]
  static override args = { payload: Args.string({ ignoreStdin: true, description: 'The payload: text or JSON.' }) }
  static override flags = {
    deps: Flags.string({ description: 'Dependency keys.', multiple: true, multipleNonGreedy: true, delimiter: ',', helpValue: 'K,K…' }),
    payload: Flags.string({ description: 'The payload from a file, - for stdin, byte for byte.', helpValue: 'FILE' }),
    batch: Flags.string({ description: 'Submit the transactions in this file of JSON lines, - for stdin.', helpValue: 'FILE.jsonl' }),
    ...sendFlags,
  }

  async run(): Promise<object | undefined> {
    const { args, flags } = await this.parse(TxSubmit)
    const sending = sendingOf(flags, this.home(flags))
    const sources = [args.payload, flags.payload, flags.batch].filter((source) => source !== undefined)
    if (sources.length !== 1) throw new MusigError('BAD_INPUT', 'give one of: a payload, --payload FILE, --batch FILE')
    if (flags.batch !== undefined) {
      if (flags.deps) throw new MusigError('BAD_INPUT', '--deps is for one transaction; in a file each line has its own')
      return this.many(sending, flags.batch)
    }
    const payload = flags.payload === undefined ? utf8(args.payload ?? '') : Uint8Array.from(await readInput(flags.payload))
    const result = await submitOne(sending, plainDraft(flags.deps ?? [], payload))
    if (!isAccepted(result)) this.sayNo()
    if (!this.jsonEnabled()) this.log(transactionText(result, textOptions()).trimEnd())
    return result
  }

  private async many(sending: Sending, file: string): Promise<undefined> {
    const text = Buffer.from(await readInput(file)).toString('utf8')
    const begun = performance.now()
    let all: Sent[] = []
    let done = 0
    const send = async (say: (detail: string) => void) => {
      all = await submitMany(
        sending,
        (machine) => readTransactionLines(text, machine, file === '-' ? 'stdin' : file),
        (sent, total) => {
          say(`${++done} of ${total}`)
          if (this.jsonEnabled()) this.logJsonLine({ line: sent.index, to: sent.to, ...(sent.result ?? { txId: sent.txId, error: sent.error }) })
        },
      )
    }
    await this.steps([{ title: 'Submit transactions', run: send }])
    const summary = summaryOf(all, performance.now() - begun)
    if (summary.failed > 0) process.exitCode = 3
    else if (summary.refused + summary.rejected > 0) this.sayNo()
    if (this.jsonEnabled()) this.logJsonLine({ summary })
    else await this.show(all, summary)
  }

  private async show(all: readonly Sent[], summary: ReturnType<typeof summaryOf>): Promise<void> {
    const rows = all.slice(0, SHOWN).map(({ result, to, txId, error }) => [to, ...(result ? transactionRow(result) : failedRow(txId, error))])
    await this.table(['via', ...TRANSACTION_COLUMNS], rows)
    if (all.length > rows.length) this.log(`and ${all.length - rows.length} more`)
    const { sent, accepted, refused, rejected, failed, fast, slow, latencyMs, seconds } = summary
    const counts: [number, string][] = [
      [accepted, 'accepted'],
      [refused, 'refused at their place in the order'],
      [rejected, 'rejected'],
      [failed, 'not answered in time: they may have happened'],
    ]
    const said = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
    this.log(`\n${sent} sent in ${seconds} s: ${said.join(', ')}`)
    if (fast + slow > 0) this.log(`${fast} on the fast path, ${slow} on the slow one; latency p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms`)
  }
}

function failedRow(txId: string, error: Sent['error']): (string | undefined)[] {
  return [txId.slice(0, 8), undefined, undefined, undefined, undefined, undefined, error?.message]
}

function summaryOf(all: readonly Sent[], ms: number) {
  const results = all.flatMap(({ result }) => (result ? [result] : []))
  const latencies = results.flatMap(({ latencyMs }) => (latencyMs === null ? [] : [latencyMs])).sort((a, b) => a - b)
  const percentile = (share: number): number | null => latencies[Math.ceil(share * latencies.length) - 1] ?? null
  const accepted = results.filter(isAccepted).length
  const rejected = results.filter(({ status }) => status === 'rejected').length
  return {
    sent: all.length,
    accepted,
    refused: results.length - accepted - rejected,
    rejected,
    failed: all.length - results.length,
    fast: results.filter(({ path }) => path === 'fast').length,
    slow: results.filter(({ path }) => path === 'slow').length,
    latencyMs: { p50: percentile(0.5), p99: percentile(0.99) },
    seconds: Math.round(ms / 10) / 100,
  }
}
