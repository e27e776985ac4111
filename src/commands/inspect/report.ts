/** `musig inspect report`: one page of HTML about a transaction, a batch, or the latest transactions, to hand on. */
import { Args, Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { writeOutput } from '../../lib/cli/drawing.js'
import { parsePrefix } from '../../lib/cli/prefix.js'
import { fromFlag } from '../../lib/cli/tx-flags.js'
import { type Connection, withCluster } from '../../lib/cluster/connection.js'
import { Members } from '../../lib/cluster/members.js'
import { provedEpochs } from '../../lib/cluster/proved-manifest.js'
import { clusterStatus } from '../../lib/cluster/status.js'
import { LiveFaults } from '../../lib/inspect/live-faults.js'
import { liveReport } from '../../lib/inspect/live-report.js'
import { reportHtml } from '../../lib/inspect/report-html.js'
import type { TransactionResult } from '../../lib/node/answers.js'
import { askingSigners } from '../../lib/node/ask-all.js'
import type { Client, Member } from '../../lib/node/client.js'
import { loadCrypto } from '../../lib/node/crypto.js'
import { rootView } from '../../lib/node/root-view.js'

/** Transactions in one report. */
const MOST = 50

export default class InspectReport extends MusigCommand {
  static override summary = 'Write one page of HTML about a transaction or the latest ones, to hand on.'
  static override description =
    'Why each stands where it does, what it says, and of its batch the order, the signatures, the timeline and the tree as drawings; then who is faulty, and the state of the cluster. The page needs no script and no network; it holds no keys, tokens or addresses, but the transactions’ payloads. An id of a batch takes all transactions in it.'
  static override examples = [
    '<%= config.bin %> inspect report 3f2a91 -o report.html',
    '<%= config.bin %> inspect report --last 10 -o report.html',
    '<%= config.bin %> inspect report 3f2a91 -o - > report.html',
  ]
  static override args = { id: Args.string({ ignoreStdin: true, description: 'The id of a transaction or batch, or the beginning of it.' }) }
  static override flags = {
    output: Flags.string({ char: 'o', description: 'Write the page into this file, - for stdout.', helpValue: 'FILE', required: true }),
    last: Flags.integer({ description: 'The latest transactions, so many of them.', min: 1, max: MOST, helpValue: 'N' }),
    ...fromFlag,
    ...clusterFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(InspectReport)
    const { output, last, cluster, from } = flags
    if ((args.id === undefined) === (last === undefined)) throw new MusigError('BAD_INPUT', 'give the id of a transaction or batch, or --last N')
    if (output === '-' && this.jsonEnabled()) throw new MusigError('BAD_INPUT', 'the page and --json cannot both go to stdout: name a file')
    const id = args.id === undefined ? undefined : parsePrefix(args.id, 'transaction or batch')
    const place = { home: this.home(flags), cluster }
    const crypto = loadCrypto()
    const proved = provedEpochs(place, crypto.bls)
    const data = await withCluster(place, async (connection) => {
      const { client, manifest, folder } = connection
      const results = id === undefined ? await client.list({ limit: last ?? MOST, from }) : await resultsOf(client, id, from)
      const asking = { ...askingSigners(client, manifest), rootView: (batchId: string) => rootView(client, batchId, from) }
      const verifying = { bls: crypto.bls, manifest: proved.manifest, now: () => performance.now() }
      const faults = new LiveFaults(crypto, proved, membersOf(connection))
      return {
        madeAt: new Date().toISOString(),
        version: this.config.version,
        ...(await liveReport(asking, verifying, results, from)),
        faults: await faults.look(),
        status: await clusterStatus(folder),
      }
    })
    const page = reportHtml(data)
    writeOutput(output, page)
    const txIds = data.transactions.map(({ data: { txId } }) => txId)
    if (!this.jsonEnabled() && output !== '-') process.stderr.write(`The report is in ${output}\n`)
    return { file: output, bytes: Buffer.byteLength(page), txIds, batchIds: data.batches.map(({ batchId }) => batchId) }
  }
}

function membersOf({ client, folder }: Connection): Members {
  const { signers, peers } = folder.read()
  return new Members(client, signers.length, peers.length)
}

/** A transaction, or all those of a batch. Errors: `NOT_FOUND`. */
async function resultsOf(client: Client, id: string, from: Member | undefined): Promise<TransactionResult[]> {
  try {
    return [await client.show(id, { from })]
  } catch (error) {
    if (!(error instanceof MusigError) || error.code !== 'NOT_FOUND') throw error
  }
  const { transactions } = await client.batch(id, { from })
  return Promise.all(transactions.slice(0, MOST).map(({ txId }) => client.show(txId, { from })))
}
