/** `musig inspect order`: how the order of a group came about, from the cluster or, from recorded votes, offline. */
import { Args, Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions, writeOutput } from '../../lib/cli/drawing.js'
import { readJsonInput } from '../../lib/cli/input.js'
import { parsePrefix } from '../../lib/cli/prefix.js'
import { fromFlag } from '../../lib/cli/tx-flags.js'
import { withCluster } from '../../lib/cluster/connection.js'
import type { OrderData } from '../../lib/inspect/data.js'
import { liveOrder } from '../../lib/inspect/live-batch.js'
import { drawOrderSvg } from '../../lib/inspect/order-svg.js'
import { explainOrderText } from '../../lib/inspect/order-tables.js'
import { drawOrderText } from '../../lib/inspect/order-text.js'
import { deriveFromVotes } from '../../lib/inspect/votes-file.js'
import { askingSigners } from '../../lib/node/ask-all.js'

export default class InspectOrder extends MusigCommand {
  static override summary = 'Show why batches stand in this order: votes, pairs, scores, predecessors, and the line diagram.'
  static override description =
    'A batch (or a transaction in it) with those around it that share its keys; or, with --votes, the batches in a file, whose order is derived offline: {"n":5,"tolerance":"1/2","batches":{"T1":["acct:a"],…},"arrivals":[["T1","T3"],…]} with one list for each signer, or "votes":{"T1":[{"signer":0,"before":["T3"]},…]} instead of arrivals.'
  static override examples = [
    '<%= config.bin %> inspect order 3f2a91',
    '<%= config.bin %> inspect order 3f2a91 --svg order.svg',
    '<%= config.bin %> inspect order --votes votes.json --json',
  ]
  static override args = { id: Args.string({ ignoreStdin: true, description: 'The id of a batch or transaction, or the beginning of it.' }) }
  static override flags = {
    votes: Flags.string({ description: 'Derive the order of the votes in this file, - for stdin.', helpValue: 'FILE', exclusive: ['from'] }),
    svg: Flags.string({ description: 'Draw the line diagram as SVG into this file, - for stdout.', helpValue: 'FILE' }),
    ...fromFlag,
    ...clusterFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(InspectOrder)
    const { votes, svg, cluster, from } = flags
    if ((args.id === undefined) === (votes === undefined)) throw new MusigError('BAD_INPUT', 'give the id of a batch or transaction, or --votes FILE')
    const data: OrderData =
      votes === undefined
        ? await withCluster({ home: this.home(flags), cluster }, ({ client, manifest }) =>
            liveOrder(askingSigners(client, manifest), parsePrefix(args.id ?? '', 'batch or transaction'), from),
          )
        : deriveFromVotes(await readJsonInput(votes))
    if (svg === '-' && this.jsonEnabled()) throw new MusigError('BAD_INPUT', 'a drawing and --json cannot both go to stdout: name a file')
    if (svg !== undefined) {
      writeOutput(svg, drawOrderSvg(data))
      if (svg !== '-') process.stderr.write(`The line diagram is in ${svg}\n`)
    } else if (!this.jsonEnabled()) {
      this.log(drawOrderText(data, textOptions()))
      this.log(explainOrderText(data, textOptions()).trimEnd())
    }
    return data
  }
}
