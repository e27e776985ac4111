/** `musig inspect tree`: the tree that a batch travelled, from the cluster or, by its id alone, offline. */
import { Args, Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions, writeOutput } from '../../lib/cli/drawing.js'
import { readJsonInput } from '../../lib/cli/input.js'
import { parsePrefix } from '../../lib/cli/prefix.js'
import { fromFlag } from '../../lib/cli/tx-flags.js'
import { withCluster } from '../../lib/cluster/connection.js'
import { readManifest } from '../../lib/core/manifest.js'
import { treeOf } from '../../lib/core/tree.js'
import type { TreeData } from '../../lib/inspect/data.js'
import { roleOf, treeDataOf } from '../../lib/inspect/group.js'
import { liveTimeline } from '../../lib/inspect/live-batch.js'
import { drawTreeDot } from '../../lib/inspect/tree-dot.js'
import { drawTreeSvg } from '../../lib/inspect/tree-svg.js'
import { drawTreeText } from '../../lib/inspect/tree-text.js'
import { askingSigners } from '../../lib/node/ask-all.js'
import { rootView } from '../../lib/node/root-view.js'

export default class InspectTree extends MusigCommand {
  static override summary = 'Show the signers’ tree of a batch: who passes to whom, and what became of each vote.'
  static override description =
    'The id of a batch or of a transaction in it. What became of each vote is the root’s word, for it knows most; --from asks another signer, which may not have heard of late votes. When a signer voted and executed, and who asked it in its parent’s place, is its own word. Regions have letters and colours, states have marks. With --manifest the tree is derived offline from the whole batch id and its root.'
  static override examples = [
    '<%= config.bin %> inspect tree 3f2a91',
    '<%= config.bin %> inspect tree 3f2a91 --svg tree.svg',
    '<%= config.bin %> inspect tree 3f2a91 --dot - | dot -Tpng > tree.png',
    '<%= config.bin %> inspect tree BATCHID --manifest manifest.json --root 3',
  ]
  static override args = {
    id: Args.string({ ignoreStdin: true, description: 'The id of a batch or transaction, or the beginning of it.', required: true }),
  }
  static override flags = {
    svg: Flags.string({ description: 'Draw it as SVG into this file, - for stdout.', helpValue: 'FILE' }),
    dot: Flags.string({ description: 'Write it in Graphviz’ language into this file, - for stdout.', helpValue: 'FILE', exclusive: ['svg'] }),
    manifest: Flags.string({ description: 'Derive the tree offline from this manifest.', helpValue: 'FILE', exclusive: ['from'] }),
    root: Flags.integer({ description: 'The batch’s root, with --manifest.', min: 0, dependsOn: ['manifest'], helpValue: 'I' }),
    ...fromFlag,
    ...clusterFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(InspectTree)
    const { manifest, root = 0, from, cluster, svg, dot } = flags
    const data =
      manifest === undefined
        ? await withCluster({ home: this.home(flags), cluster }, async ({ client, manifest: agreed }) => {
            const batch = await rootView(client, parsePrefix(args.id, 'batch or transaction'), from)
            return treeDataOf(batch, agreed, await liveTimeline(askingSigners(client, agreed), batch))
          })
        : offlineTree(args.id, await readJsonInput(manifest), root)
    const file = svg ?? dot
    if (file === undefined) {
      if (!this.jsonEnabled()) this.log(drawTreeText(data, textOptions()).trimEnd())
      return data
    }
    if (file === '-' && this.jsonEnabled()) throw new MusigError('BAD_INPUT', 'a drawing and --json cannot both go to stdout: name a file')
    writeOutput(file, svg === undefined ? drawTreeDot(data) : drawTreeSvg(data))
    if (file !== '-') process.stderr.write(`The tree is in ${file}\n`)
    return data
  }
}

/** Errors: `BAD_INPUT` where the id is not whole or there is no such signer. */
function offlineTree(typed: string, json: unknown, root: number): TreeData {
  const manifest = readManifest(json)
  const batchId = parsePrefix(typed, 'batch')
  if (batchId.length !== 64) throw new MusigError('BAD_INPUT', `the batch id ${typed} has ${batchId.length} digits; offline all 64 are needed`)
  if (root >= manifest.n) throw new MusigError('BAD_INPUT', `there is no signer ${root}; they are numbered 0 to ${manifest.n - 1}`)
  const tree = treeOf(batchId, root, manifest)
  const nodes = tree.permutation.map((signer) => ({
    signer,
    parent: tree.parentOf(signer) ?? null,
    children: tree.childrenOf(signer),
    depth: tree.depthOf(signer),
    role: roleOf({ parent: tree.parentOf(signer) ?? null, children: tree.childrenOf(signer) }),
    state: 'unknown' as const,
    name: manifest.signers[signer]?.name,
    region: manifest.signers[signer]?.region || undefined,
  }))
  return { batchId, ballot: 0, root, depth: tree.depth, nodes }
}
