/** `musig inspect sig`: the aggregate signatures of a batch, taken apart and verified. */
import { Args, Flags } from '@oclif/core'
import { toHex } from '../../lib/base/bytes.js'
import { MusigError } from '../../lib/base/errors.js'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions, writeOutput } from '../../lib/cli/drawing.js'
import { parsePrefix } from '../../lib/cli/prefix.js'
import { fromFlag } from '../../lib/cli/tx-flags.js'
import { withCluster } from '../../lib/cluster/connection.js'
import type { BatchSignature } from '../../lib/inspect/batch-signatures.js'
import { liveSignatures } from '../../lib/inspect/live-batch.js'
import { drawSignatureSvg } from '../../lib/inspect/signature-svg.js'
import { drawSignatureText } from '../../lib/inspect/signature-text.js'
import { askingSigners } from '../../lib/node/ask-all.js'
import { loadCrypto } from '../../lib/node/crypto.js'

export default class InspectSig extends MusigCommand {
  static override summary = 'Show the aggregate signature of a batch: which signers signed which message, the quorum, the price of verifying.'
  static override description =
    'The signature of the votes and, where phase 3 or a later ballot ran, that of the accepts. Both are verified here; where one fails the signers are asked for their own votes, to find who is at fault. Exit code 1: it does not verify.'
  static override examples = [
    '<%= config.bin %> inspect sig 3f2a91',
    '<%= config.bin %> inspect sig 3f2a91 --svg signature.svg',
    '<%= config.bin %> inspect sig 3f2a91 --phase accept --json',
  ]
  static override args = {
    id: Args.string({ ignoreStdin: true, description: 'The id of a batch or transaction, or the beginning of it.', required: true }),
  }
  static override flags = {
    phase: Flags.option({ description: 'Only this signature.', options: ['vote', 'accept'] as const })(),
    svg: Flags.string({ description: 'Draw them as SVG into this file, - for stdout.', helpValue: 'FILE' }),
    ...fromFlag,
    ...clusterFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(InspectSig)
    const { phase, svg, cluster, from } = flags
    const id = parsePrefix(args.id, 'batch or transaction')
    if (svg === '-' && this.jsonEnabled()) throw new MusigError('BAD_INPUT', 'a drawing and --json cannot both go to stdout: name a file')
    const { batch, signatures } = await withCluster({ home: this.home(flags), cluster }, async ({ client, manifest }) => {
      const verifying = { bls: loadCrypto().bls, manifest, now: () => performance.now() }
      const batch = await client.description(id, { from })
      const signatures = await liveSignatures(askingSigners(client, manifest), verifying, batch, from)
      return { batch, signatures: signatures.filter((signature) => phase === undefined || signature.phase === phase) }
    })
    if (signatures.length === 0)
      throw new MusigError(
        'NOT_FOUND',
        `this signer holds no ${phase ?? 'vote'} signature of batch ${batch.batchId.slice(0, 12)}${batch.status === 'pending' ? ': it is not decided yet' : ''}`,
      )
    if (signatures.some(({ valid }) => !valid)) this.sayNo()
    if (svg !== undefined) {
      writeOutput(svg, drawSignatureSvg(signatures))
      if (svg !== '-') process.stderr.write(`The signatures are in ${svg}\n`)
    } else if (!this.jsonEnabled()) {
      this.log(
        signatures
          .map((signature) => drawSignatureText(signature, textOptions()))
          .join('\n')
          .trimEnd(),
      )
    }
    const { batchId, path, ballot } = batch
    return { batchId, path, ballot, valid: signatures.every(({ valid }) => valid), signatures: signatures.map(signatureJson) }
  }
}

function signatureJson({ multiSignature, ...data }: BatchSignature): object {
  const bitmaps = new Map(multiSignature.entries.map(({ message, signers }) => [toHex(message), toHex(signers)]))
  const { batchId: _, entries, ...rest } = data
  return { ...rest, entries: entries.map((entry) => ({ ...entry, bitmap: bitmaps.get(entry.message) })) }
}
