/** A batch's tree made ready for drawing: checked, nested, and without the levels that do not fit. How it looks is left to `tree-text` and `tree-svg`. */
import { MusigError } from '../base/errors.js'
import { DRAWN, type NodeState, type TreeData, type TreeNode } from './data.js'
import { count, cut, milliseconds, shortId, type Tone } from './lines.js'
import type { Ink, Shape } from './svg.js'

/** A signer with its children as drawn; `below` are the signers under it that were left out. */
export interface TreeShape {
  readonly node: TreeNode
  readonly children: readonly TreeShape[]
  readonly below: readonly TreeNode[]
}

/** How a state is marked, in a terminal and in a drawing, and what it is called. */
export interface StateLook {
  readonly mark: string
  readonly shape: Shape
  readonly tone: Exclude<Tone, 'strong'>
  readonly word: string
}

/** The look of every state. */
export const STATES: Record<NodeState, StateLook> = {
  voted: { mark: '●', shape: 'disc', tone: 'good', word: 'voted' },
  late: { mark: '◆', shape: 'diamond', tone: 'warn', word: 'late' },
  adopted: { mark: '■', shape: 'square', tone: 'info', word: 'adopted' },
  invalid: { mark: '✗', shape: 'cross', tone: 'bad', word: 'invalid' },
  silent: { mark: '○', shape: 'ring', tone: 'faint', word: 'silent' },
  unknown: { mark: '?', shape: 'box', tone: 'faint', word: 'not known' },
}

/** Nests the nodes under the root. Errors: `BAD_INPUT` where they are no tree (a signer twice, unreachable or missing, a parent that disagrees). */
export function treeShape(data: TreeData): TreeShape {
  const nodes = new Map(data.nodes.map((node) => [node.signer, node]))
  if (nodes.size < data.nodes.length) throw notATree('a signer stands in it twice')
  const deepest = deepestLevel(data)
  let reached = 0
  const nest = (signer: number, parent: number | undefined, depth: number): TreeShape => {
    const node = nodes.get(signer)
    if (!node) throw notATree(`signer ${signer} is named but missing`)
    if ((node.parent ?? undefined) !== parent) throw notATree(`signer ${signer} names another parent than the signer that lists it`)
    if (node.depth !== depth) throw notATree(`signer ${signer} has depth ${node.depth}, not ${depth}`)
    reached += 1
    const children = node.children.map((child) => nest(child, signer, depth + 1))
    if (depth < deepest) return { node, children, below: [] }
    return { node, children: [], below: children.flatMap((child) => [child.node, ...child.below]) }
  }
  const shape = nest(data.root, undefined, 0)
  if (reached < nodes.size) throw notATree(`${nodes.size - reached} of its ${count(nodes.size, 'signer')} cannot be reached from the root`)
  return shape
}

function notATree(reason: string): MusigError {
  return new MusigError('BAD_INPUT', `this is not a tree: ${reason}`)
}

function deepestLevel(data: TreeData): number {
  const levels: number[] = []
  for (const { depth } of data.nodes) levels[depth] = (levels[depth] ?? 0) + 1
  let total = 0
  for (let level = 0; level < levels.length; level++) {
    total += levels[level] ?? 0
    if (total > DRAWN.treeSigners) return Math.max(0, level - 1)
  }
  return levels.length
}

/** How a region is told from others: by its letter, which colour only repeats. `code` is the terminal's colour. */
export interface RegionLook {
  readonly letter: string
  readonly tone: Ink
  readonly code: number
  readonly signers: number
}

/** So many colours before they come again; letters go on. */
const REGION_TONES = 7
const LETTERS = 26

/** The regions of a tree in the order of their names. */
export function regionsOf(nodes: readonly TreeNode[]): ReadonlyMap<string, RegionLook> {
  const names = nodes.flatMap(({ region }) => (region === undefined || region === '' ? [] : [region]))
  return new Map(
    [...new Set(names)].sort().map((name, i) => [
      name,
      {
        letter: `${String.fromCharCode(65 + (i % LETTERS))}${i < LETTERS ? '' : Math.floor(i / LETTERS)}`,
        tone: `line${i % REGION_TONES}` as const,
        code: 31 + (i % 6),
        signers: names.filter((other) => other === name).length,
      },
    ]),
  )
}

/** What stands beside a signer's number in both drawings: that it is the root, its name, when it voted and when it had executed. */
export function detailsOf({ role, name = '', timeMs, times }: TreeNode): string[] {
  const executed = times?.executed
  return [
    ...(role === 'root' ? ['root'] : []),
    ...(name === '' ? [] : [cut(name, DRAWN.nameColumns)]),
    ...(timeMs === undefined ? [] : [`${milliseconds(timeMs)}${executed === undefined ? '' : ` → ${milliseconds(executed)}`}`]),
  ]
}

/** Everything that is known of a signer, for whoever points at it. */
export function tipOf(node: TreeNode): string {
  const times = Object.entries(node.times ?? {}).flatMap(([what, ms]) => (ms === undefined ? [] : [`${what} ${milliseconds(ms)}`]))
  const parts = [String(node.signer), node.role, node.name, node.region, ...times, adoptionOf(node), STATES[node.state].word]
  return parts.filter((part) => part !== undefined && part !== '').join(' · ')
}

/** Who asked this signer in its parent's place. */
export function adoptionOf({ adoptedBy }: TreeNode): string {
  return adoptedBy === undefined ? '' : `asked by ${adoptedBy}`
}

/** How many signers are in each state, in the order of the legend, states that do not occur left out. */
export function statesOf(nodes: readonly TreeNode[]): [NodeState, number][] {
  const states = Object.keys(STATES) as NodeState[]
  return states.map((state): [NodeState, number] => [state, nodes.filter((node) => node.state === state).length]).filter(([, number]) => number > 0)
}

/** The heading of both drawings. */
export function treeTitle(data: TreeData): string {
  return `Tree of batch ${shortId(data.batchId)} · ballot ${data.ballot} · root ${data.root} · depth ${data.depth} · ${count(data.nodes.length, 'signer')}`
}

/** "+12 below: 10 voted, 2 silent", or nothing where nothing was left out. */
export function belowText(below: readonly TreeNode[]): string {
  if (below.length === 0) return ''
  return `+${below.length} below: ${statesOf(below)
    .map(([state, number]) => `${number} ${STATES[state].word}`)
    .join(', ')}`
}
