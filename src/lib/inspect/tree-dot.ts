/** The tree of a batch in Graphviz' language, for those who lay it out themselves. */
import type { TreeData } from './data.js'
import { plain } from './lines.js'
import { tipOf } from './tree-shape.js'

/** A directed graph: one node a signer, an edge to each child; who adopted whom as a dashed edge. */
export function drawTreeDot({ batchId, nodes }: TreeData): string {
  const lines = nodes.flatMap((node) => {
    const { signer, name, region, children, adoptedBy } = node
    return [
      `  ${signer} [label=${quoted(String(signer), name, region)}, tooltip=${quoted(tipOf(node))}]`,
      ...children.map((child) => `  ${signer} -> ${child}`),
      ...(adoptedBy === undefined ? [] : [`  ${adoptedBy} -> ${signer} [style=dashed, constraint=false]`]),
    ]
  })
  return `digraph ${quoted(`batch ${batchId}`)} {\n  node [shape=circle]\n${lines.join('\n')}\n}\n`
}

/** A text in quotes, one line for each part that is there. */
function quoted(...parts: (string | undefined)[]): string {
  const lines = parts.flatMap((part) => (part ? [plain(part).replaceAll('\\', '\\\\').replaceAll('"', '\\"')] : []))
  return `"${lines.join('\\n')}"`
}
