/** The tree of a batch in a terminal: one line a signer, children indented under their parent. */
import { DRAWN, type TreeData } from './data.js'
import { cut, type Line, type Piece, printLines, type TextOptions } from './lines.js'
import { adoptionOf, belowText, detailsOf, type RegionLook, regionsOf, STATES, statesOf, type TreeShape, treeShape, treeTitle } from './tree-shape.js'

/** The tree of a batch (§4) as text: who passes to whom, what became of each signer's vote, region and time. Errors: `BAD_INPUT` where it is no tree. */
export function drawTreeText(data: TreeData, options: TextOptions): string {
  return printLines(
    [[['strong', treeTitle(data)]], [], ...branch(treeShape(data), '', '', regionsOf(data.nodes)), [], ...legend(data, options.width)],
    options,
  )
}

function legend(data: TreeData, width: number): Line[] {
  const lines: Piece[][] = [[]]
  let used = 0
  for (const [state, number] of statesOf(data.nodes)) {
    const { mark, tone, word } = STATES[state]
    const said = ` ${word} ${number}   `
    if (used > 0 && used + said.length > width) {
      lines.push([])
      used = 0
    }
    lines.at(-1)?.push([tone, mark], said)
    used += 1 + said.length
  }
  return lines
}

function branch(shape: TreeShape, first: string, rest: string, regions: ReadonlyMap<string, RegionLook>): Line[] {
  const { node, children, below } = shape
  const { mark, tone, word } = STATES[node.state]
  const region = regions.get(node.region ?? '')
  const state = node.state === 'voted' ? [] : [word]
  const details = [...detailsOf(node), ...state, adoptionOf(node), belowText(below)].filter((text) => text !== '')
  const line: Line = [
    ['faint', first],
    [tone, mark],
    ' ',
    ['strong', String(node.signer)],
    ...(region ? [['faint', ' · '] as const, [region.code, `${region.letter} ${cut(node.region ?? '', DRAWN.nameColumns)}`] as const] : []),
    ['faint', details.map((detail) => ` · ${detail}`).join('')],
  ]
  const under = children.flatMap((child, i) => {
    const last = i === children.length - 1
    return branch(child, `${rest}${last ? '└─' : '├─'}`, `${rest}${last ? '  ' : '│ '}`, regions)
  })
  return [line, ...under]
}
