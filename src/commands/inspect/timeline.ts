/** `musig inspect timeline`: the phases of a batch against time, for each signer. */
import { Args, Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions, writeOutput } from '../../lib/cli/drawing.js'
import { parsePrefix } from '../../lib/cli/prefix.js'
import { withCluster } from '../../lib/cluster/connection.js'
import type { TimelineData } from '../../lib/inspect/data.js'
import { liveTimeline } from '../../lib/inspect/live-batch.js'
import { drawTimelineSvg } from '../../lib/inspect/timeline-svg.js'
import { drawTimelineText } from '../../lib/inspect/timeline-text.js'
import { askingSigners } from '../../lib/node/ask-all.js'

export default class InspectTimeline extends MusigCommand {
  static override summary = 'Show the phases of a batch against time: 1a to 3b and later ballots, for each signer, with the critical path.'
  static override description =
    'The id of a batch or of a transaction in it. All signers are asked what they noted; each remembers its latest batches, until it restarts. Their clocks are believed as long as nothing arrives before it was sent. One that does not fit is marked ≈, and its times are moved so that PROPOSE to it and VOTE from it took equally long. The critical path is the chain of steps that everybody had to wait for, from the proposal to the decision.'
  static override examples = [
    '<%= config.bin %> inspect timeline 3f2a91',
    '<%= config.bin %> inspect timeline 3f2a91 --svg timeline.svg',
    '<%= config.bin %> inspect timeline 3f2a91 --json',
  ]
  static override args = {
    id: Args.string({ ignoreStdin: true, description: 'The id of a batch or transaction, or the beginning of it.', required: true }),
  }
  static override flags = {
    svg: Flags.string({ description: 'Draw it as SVG into this file, - for stdout.', helpValue: 'FILE' }),
    ...clusterFlag,
  }

  async run(): Promise<TimelineData> {
    const { args, flags } = await this.parse(InspectTimeline)
    const { svg, cluster } = flags
    const id = parsePrefix(args.id, 'batch or transaction')
    if (svg === '-' && this.jsonEnabled()) throw new MusigError('BAD_INPUT', 'a drawing and --json cannot both go to stdout: name a file')
    const data = await withCluster({ home: this.home(flags), cluster }, async ({ client, manifest }) => {
      return liveTimeline(askingSigners(client, manifest), await client.timeline(id))
    })
    if (svg !== undefined) {
      writeOutput(svg, drawTimelineSvg(data))
      if (svg !== '-') process.stderr.write(`The timeline is in ${svg}\n`)
    } else if (!this.jsonEnabled()) this.log(drawTimelineText(data, textOptions()).trimEnd())
    return data
  }
}
