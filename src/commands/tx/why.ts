/** `musig tx why`: why a transaction is not executed yet, or why it stands where it does. */
import { Args } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { parsePrefix } from '../../lib/cli/prefix.js'
import { fromFlag } from '../../lib/cli/tx-flags.js'
import { withCluster } from '../../lib/cluster/connection.js'
import type { Manifest } from '../../lib/core/manifest.js'
import { orderDataOf } from '../../lib/inspect/group.js'
import { sentencesAbout } from '../../lib/inspect/order-sentences.js'
import { type Witnessed, whyOf } from '../../lib/inspect/why.js'
import type { BatchAnswer, TransactionResult } from '../../lib/node/answers.js'
import { ANSWER_MS, askAll } from '../../lib/node/ask-all.js'
import type { Client, Member } from '../../lib/node/client.js'

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
      const batch = result.batchId === null ? undefined : await client.batch(result.batchId, { from })
      const signers = await askAll([...manifest.signers.keys()], async (from) =>
        result.batchId === null ? undefined : witnessed(await client.batch(result.batchId, { from, timeoutMs: ANSWER_MS })),
      )
      const { batchId, status, reason, path, ballot, votes, position } = result
      const why = whyOf({
        manifest,
        batchId,
        status,
        reason,
        path,
        ballot,
        votes,
        position,
        initiator: batch?.initiator ?? null,
        waitingFor: batch?.waitingFor ?? null,
        neighbours: await neighboursIn(client, manifest, result, from),
        signers,
      })
      return { result, why }
    })
    if (!this.jsonEnabled()) this.log([why.sentence, ...why.details.map((line) => `  ${line}`)].join('\n'))
    return { txId: result.txId, batchId: result.batchId, status: result.status, ...why }
  }
}

/** Why an executed transaction's batch stands before and behind its nearest rivals. */
async function neighboursIn(client: Client, manifest: Manifest, { batchId, status }: TransactionResult, from: Member | undefined): Promise<string[]> {
  if (batchId === null || status !== 'executed') return []
  const { batches } = await client.group(batchId, { from })
  return sentencesAbout(orderDataOf(batches, manifest), batchId)
}

/** What one signer says of a batch. */
function witnessed({ ownVote, promised, accepted }: BatchAnswer): Witnessed {
  const ballot = (accepted as { ballot?: number } | null)?.ballot
  return { voted: ownVote !== null, promised, accepted: ballot ?? null }
}
