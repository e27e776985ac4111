/** The tree of a batch as SVG: root on the left, phase 1a to the right; d3-hierarchy places the signers, this file draws them. */
import { type HierarchyPointNode, hierarchy, tree } from 'd3-hierarchy'
import { DRAWN, type TreeData } from './data.js'
import { cut } from './lines.js'
import { box, drawing, mark, polyline, text, textWidth } from './svg.js'
import {
  adoptionOf,
  belowText,
  detailsOf,
  type RegionLook,
  regionsOf,
  STATES,
  statesOf,
  type TreeShape,
  tipOf,
  treeShape,
  treeTitle,
} from './tree-shape.js'

type Placed = HierarchyPointNode<TreeShape>

const MARGIN = 20
const HEAD = 56
const ROW = 20
const RADIUS = 5.5
const SIZE = 11
// Between the end of a label and the next level's marks: room for the bend of an edge.
const BEND = 40
// How far the way of an adoption runs from the edges.
const ASIDE = 7
// The square with a region's letter, between the mark and the number.
const BADGE = 13

type Regions = ReadonlyMap<string, RegionLook>

/** The tree of a batch (§4) as a self-contained SVG. Errors: `BAD_INPUT` where it is no tree. */
export function drawTreeSvg(data: TreeData): string {
  const root = tree<TreeShape>()
    .nodeSize([ROW, 1])
    .separation(() => 1)(hierarchy(treeShape(data), (shape) => [...shape.children]))
  const placed = root.descendants()
  const top = Math.min(...placed.map((node) => node.x))
  const regions = regionsOf(data.nodes)
  const lefts = levels(placed, regions.size > 0)
  const at = (node: Placed): [number, number] => [lefts[node.depth] ?? MARGIN, HEAD + ROW + node.x - top]
  const bottom = Math.max(...placed.map((node) => at(node)[1]))
  const edges = root.links().map(({ source, target }) => edge(at(source), at(target), target.data))
  const adoptions = placed.map((node) => adoption(node, at))
  const title = treeTitle(data)
  const key = legend(data, bottom + 2 * ROW)
  const places = regionLegend(regions, bottom + 3 * ROW)
  const width =
    Math.max((lefts[root.height + 1] ?? 0) - BEND, MARGIN + textWidth(title, 15), MARGIN + textWidth(noteOf(data), SIZE), key.right, places.right) +
    MARGIN
  return drawing({
    title,
    description: `Signer ${data.root} is the root; edges go from parent to child. ${statesOf(data.nodes)
      .map(([state, number]) => `${number} ${STATES[state].word}`)
      .join(', ')}.`,
    width,
    height: bottom + (regions.size > 0 ? 4 : 3) * ROW + 4,
    body: [
      text(MARGIN, 28, title, { size: 15, strong: true }),
      text(MARGIN, 46, noteOf(data), { size: SIZE, tone: 'faint' }),
      ...edges,
      ...adoptions,
      ...placed.map((node) => signer(node, at(node), regions)),
      key.body,
      places.body,
    ],
  })
}

/** The left edge of each level, and one behind the last. */
function levels(placed: readonly Placed[], hasRegions: boolean): number[] {
  const lefts = [MARGIN + RADIUS]
  for (let depth = 0; depth <= Math.max(...placed.map((node) => node.depth)); depth++) {
    const widths = placed.filter((node) => node.depth === depth).map((node) => textWidth(labelOf(node.data), SIZE))
    lefts.push((lefts[depth] ?? 0) + RADIUS + (hasRegions ? BADGE + 3 : 0) + Math.max(...widths) + BEND)
  }
  return lefts
}

function labelOf(shape: TreeShape): string {
  const { node, below } = shape
  return [String(node.signer), ...detailsOf(node), adoptionOf(node), belowText(below)].filter((part) => part !== '').join(' · ')
}

function signer(node: Placed, [x, y]: [number, number], regions: Regions): string {
  const { node: data } = node.data
  const look = STATES[data.state]
  const label = labelOf(node.data)
  const shape = mark(look.shape, x, y, RADIUS, look.tone, tipOf(data))
  // Above its own edge, so that no line runs through a label.
  const raised = node.children === undefined ? 4 : -4
  const region = regions.get(data.region ?? '')
  const left = x + RADIUS + 4 + (regions.size > 0 ? BADGE + 3 : 0)
  return (
    shape +
    (region ? badge(region, x + RADIUS + 4, y + raised) : '') +
    text(left, y + raised, label, { size: SIZE, halo: true, tone: data.state === 'silent' || data.state === 'unknown' ? 'faint' : 'ink' })
  )
}

/** A region's letter in a square of its colour. */
function badge({ letter, tone }: RegionLook, x: number, baseline: number): string {
  return (
    box(x, baseline - BADGE + 2.5, BADGE, BADGE, { fill: 'paper', stroke: tone }) +
    text(x + BADGE / 2, baseline, letter, { size: letter.length > 1 ? 8 : 10, anchor: 'middle', strong: true, tone })
  )
}

function regionLegend(regions: Regions, y: number): { body: string; right: number } {
  let x = MARGIN
  let body = ''
  for (const [name, region] of regions) {
    const label = `${cut(name, DRAWN.nameColumns)} ${region.signers}`
    body += badge(region, x, y + 4) + text(x + BADGE + 6, y + 4, label)
    x += BADGE + 6 + textWidth(label) + 24
  }
  return { body, right: x - 24 }
}

function edge([x0, y0]: [number, number], [x1, y1]: [number, number], child: TreeShape): string {
  const { state } = child.node
  const bend = x1 - BEND / 2
  const points: [number, number][] = [
    [x0 + RADIUS, y0],
    [bend, y0],
    [bend, y1],
    [x1 - RADIUS, y1],
  ]
  if (state === 'voted' || state === 'late') return polyline(points, 'faint', { 'stroke-width': 1.2 })
  return polyline(points, state === 'invalid' ? 'bad' : 'faint', { 'stroke-width': 1.2, 'stroke-dasharray': '2 3' })
}

/** The way from the signer that took this one over: beside the edges of the tree, on their lower side, where no label stands. */
function adoption(node: Placed, at: (node: Placed) => [number, number]): string {
  const way = node.ancestors().reverse()
  const start = way.findIndex((each) => each.data.node.signer === node.data.node.adoptedBy)
  if (start < 0 || start === way.length - 1) return ''
  const points: [number, number][] = []
  for (const each of way.slice(start, -1)) {
    const [x, y] = at(each)
    const before = points.at(-1)
    if (before) points.push([before[0], y + ASIDE])
    else points.push([x + RADIUS, y + ASIDE])
    points.push([at(way[each.depth + 1] ?? node)[0] - BEND / 2 + 5, y + ASIDE])
  }
  const [x, y] = at(node)
  const end = x - RADIUS - 1
  points.push([points.at(-1)?.[0] ?? end, y], [end, y])
  const look = { 'stroke-width': 1.6, 'stroke-dasharray': '6 3', 'stroke-linejoin': 'round' }
  return (
    polyline(points, 'info', look) +
    polyline(
      [
        [end - 5, y - 3.5],
        [end, y],
        [end - 5, y + 3.5],
      ],
      'info',
    )
  )
}

function noteOf(data: TreeData): string {
  const states = new Set(data.nodes.map(({ state }) => state))
  return [
    '1a down: left to right; 1b up: right to left',
    ...(states.has('silent') || states.has('unknown') || states.has('adopted') ? ['dotted: no vote came this way'] : []),
    ...(data.nodes.some(({ adoptedBy }) => adoptedBy !== undefined) ? ['dashed arrow: asked in its parent’s place'] : []),
    ...(data.nodes.some(({ timeMs }) => timeMs !== undefined) ? ['times: voted → executed'] : []),
  ].join(' · ')
}

function legend(data: TreeData, y: number): { body: string; right: number } {
  let x = MARGIN + RADIUS
  let body = ''
  for (const [state, number] of statesOf(data.nodes)) {
    const look = STATES[state]
    const label = `${look.word} ${number}`
    body += mark(look.shape, x, y, RADIUS, look.tone) + text(x + 10, y + 4, label)
    x += 10 + textWidth(label) + 24
  }
  return { body, right: x - 24 }
}
