/**
 * The tree of signers that a batch travels (§4): a pseudo-random permutation that everyone derives alike, and its range tree. Owns shape and
 * relations only; who is asked when a signer is down is decided in `round.ts`.
 */
import { fromHex, type Id, utf8 } from '../base/bytes.js'
import { digestOf } from '../base/hash.js'
import { HashStream } from '../base/prng.js'
import type { Manifest } from './manifest.js'

/** What the shape depends on. `signers` is looked at for regions only. */
export type TreeParameters = Pick<Manifest, 'clusterId' | 'n' | 'tree'> & { signers: readonly { region: string }[] }

/** A range tree over a permutation: position p is the top of the range [p, end of p). */
export class Tree {
  /** The signers in the order of their positions; the root first. `coordinator(b)` is the one at b mod n. */
  readonly permutation: readonly number[]
  readonly #positions: Int32Array
  readonly #parents: Int32Array
  readonly #ends: Int32Array
  readonly #depths: Int32Array
  readonly #children: number[][]

  constructor(permutation: readonly number[], fanout: number) {
    const n = permutation.length
    this.permutation = permutation
    this.#positions = new Int32Array(n)
    permutation.forEach((signer, position) => {
      this.#positions[signer] = position
    })
    this.#parents = new Int32Array(n).fill(-1)
    this.#ends = new Int32Array(n)
    this.#depths = new Int32Array(n)
    this.#children = Array.from({ length: n }, () => [])
    this.#ends[0] = n
    for (let top = 0; top < n; top++) this.#split(top, fanout)
  }

  /** Parents stand before their children in the permutation, so one pass from the front meets every range after it was made. */
  #split(top: number, fanout: number): void {
    let start = top + 1
    const rest = (this.#ends[top] ?? 0) - start
    for (let part = 0; part < fanout && part < rest; part++) {
      const size = Math.floor(rest / fanout) + (part < rest % fanout ? 1 : 0)
      this.#parents[start] = top
      this.#ends[start] = start + size
      this.#depths[start] = (this.#depths[top] ?? 0) + 1
      this.#children[top]?.push(this.#signerAt(start))
      start += size
    }
  }

  get root(): number {
    return this.#signerAt(0)
  }

  /** Hops from the root to the furthest leaf. */
  get depth(): number {
    return this.#depths.reduce((deepest, depth) => Math.max(deepest, depth), 0)
  }

  childrenOf(signer: number): readonly number[] {
    return this.#children[this.#positionOf(signer)] ?? []
  }

  /** The parent, or undefined for the root. */
  parentOf(signer: number): number | undefined {
    const parent = this.#parents[this.#positionOf(signer)] ?? -1
    return parent < 0 ? undefined : this.#signerAt(parent)
  }

  depthOf(signer: number): number {
    return this.#depths[this.#positionOf(signer)] ?? 0
  }

  /** Hops from a signer down to its furthest leaf; 0 for a leaf. First halves take the extra element, so the first child is the deepest. */
  heightOf(signer: number): number {
    let height = 0
    for (let first = this.childrenOf(signer)[0]; first !== undefined; first = this.childrenOf(first)[0]) height++
    return height
  }

  /** The signer and all below it: a contiguous range of the permutation. */
  subtreeOf(signer: number): readonly number[] {
    const position = this.#positionOf(signer)
    return this.permutation.slice(position, this.#ends[position])
  }

  /** Whether `below` stands below `above`. */
  isAncestor(above: number, below: number): boolean {
    const position = this.#positionOf(above)
    const other = this.#positionOf(below)
    return other > position && other < (this.#ends[position] ?? 0)
  }

  #positionOf(signer: number): number {
    return this.#positions[signer] ?? 0
  }

  #signerAt(position: number): number {
    return this.permutation[position] ?? 0
  }
}

/** Trees made lately, by what their shape depends on: a batch's tree is asked for many times, by all signers of a process. */
const recent = new WeakMap<TreeParameters, Map<string, Tree>>()
const MAX_RECENT = 256

/** The tree of a batch with this root (its initiator). Deterministic in all three. */
export function treeOf(batchId: Id, root: number, parameters: TreeParameters): Tree {
  const known = recent.get(parameters) ?? new Map<string, Tree>()
  recent.set(parameters, known)
  const name = `${batchId}/${root}`
  let tree = known.get(name)
  if (!tree) {
    tree = makeTree(batchId, root, parameters)
    known.set(name, tree)
    if (known.size > MAX_RECENT) known.delete(known.keys().next().value ?? '')
  }
  return tree
}

function makeTree(batchId: Id, root: number, parameters: TreeParameters): Tree {
  const permutation = shuffled(batchId, parameters)
  permutation.splice(permutation.indexOf(root), 1)
  permutation.unshift(root)
  const placed = parameters.tree.strategy === 'regional' ? byRegion(permutation, parameters) : permutation
  return new Tree(placed, parameters.tree.fanout)
}

/** Fisher–Yates from the SHA-256 counter stream over the batch's id. */
function shuffled(batchId: Id, { clusterId, n }: TreeParameters): number[] {
  const stream = new HashStream(digestOf(utf8('musig/v1/tree\0'), fromHex(clusterId), fromHex(batchId)))
  const permutation = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = stream.upTo(i)
    const moved = permutation[i] ?? 0
    permutation[i] = permutation[j] ?? 0
    permutation[j] = moved
  }
  return permutation
}

/** Stably sorted by region, the root's first, then by first appearance, so that few edges cross regions. */
function byRegion(permutation: readonly number[], { signers }: TreeParameters): number[] {
  const regions = new Map<string, number[]>()
  for (const signer of permutation) {
    const region = signers[signer]?.region ?? ''
    const members = regions.get(region)
    if (members) members.push(signer)
    else regions.set(region, [signer])
  }
  return [...regions.values()].flat()
}
