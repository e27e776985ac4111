/** The tree of §4: shape for every size, the same for everyone, regions, hostile ids. The permutation itself is held in the vectors. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tree, type TreeParameters, treeOf } from '../../src/lib/core/tree.js'
import { parentsByText, permutationByText } from './text.js'

const seed = Date.now() & 0x7fffffff
console.log(`tree: seed ${seed}`)
const check = <T>(property: fc.IProperty<T>, numRuns = 100) => fc.assert(property, { seed, numRuns })

const CLUSTER = 'cd'.repeat(32)
const idOf = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))

function parameters(n: number, fanout = 2, regions: readonly string[] = []): TreeParameters {
  const signers = Array.from({ length: n }, (_, i) => ({ region: regions[i % Math.max(1, regions.length)] ?? '' }))
  return { clusterId: CLUSTER, n, tree: { strategy: regions.length > 0 ? 'regional' : 'random', fanout }, signers }
}

const setting = fc
  .integer({ min: 1, max: 300 })
  .chain((n) => fc.record({ n: fc.constant(n), root: fc.integer({ min: 0, max: n - 1 }), id: idOf, fanout: fc.integer({ min: 2, max: 9 }) }))

test('depth ⌊log₂ n⌋, at most two children, for every n from 1 to 1,100', () => {
  for (let n = 1; n <= 1100; n++) {
    const tree = treeOf('ab'.repeat(32), n - 1, parameters(n))
    assert.is(tree.depth, Math.floor(Math.log2(n)), `n = ${n}`)
    for (let signer = 0; signer < n; signer++) assert.ok(tree.childrenOf(signer).length <= 2)
  }
})

test('everyone stands in it once, the root first; every subtree is a contiguous range that its top begins', () => {
  check(
    fc.property(setting, ({ n, root, id, fanout }) => {
      const tree = treeOf(id, root, parameters(n, fanout))
      assert.is(tree.permutation[0], root)
      assert.is(tree.root, root)
      assert.equal(
        [...tree.permutation].sort((a, b) => a - b),
        [...Array(n).keys()],
      )
      for (let signer = 0; signer < n; signer++) {
        const below = tree.subtreeOf(signer)
        const start = tree.permutation.indexOf(signer)
        assert.equal(below, tree.permutation.slice(start, start + below.length))
        assert.equal(below, [signer, ...tree.childrenOf(signer).flatMap((child) => tree.subtreeOf(child))])
        assert.ok(tree.childrenOf(signer).length <= fanout)
      }
      assert.is(tree.subtreeOf(root).length, n)
    }),
  )
})

test('the first parts take the extra elements: sizes fall, by one at most', () => {
  check(
    fc.property(setting, ({ n, root, id, fanout }) => {
      const tree = treeOf(id, root, parameters(n, fanout))
      for (let signer = 0; signer < n; signer++) {
        const sizes = tree.childrenOf(signer).map((child) => tree.subtreeOf(child).length)
        for (let i = 1; i < sizes.length; i++) assert.ok((sizes[i - 1] ?? 0) >= (sizes[i] ?? 0))
        if (sizes.length > 0) assert.ok((sizes[0] ?? 0) - (sizes.at(-1) ?? 0) <= 1)
        if (sizes.length < fanout) for (const size of sizes) assert.is(size, 1)
      }
    }),
  )
})

test('permutation and parents are those of the text', () => {
  check(
    fc.property(setting, fc.constantFrom([], ['a'], ['a', 'b', 'c']), ({ n, root, id, fanout }, regions) => {
      const given = parameters(n, fanout, regions)
      const tree = treeOf(id, root, given)
      assert.equal(
        tree.permutation,
        permutationByText(
          CLUSTER,
          id,
          root,
          given.signers.map(({ region }) => region),
          given.tree.strategy,
        ),
      )
      assert.equal(
        given.signers.map((_, signer) => tree.parentOf(signer) ?? null),
        parentsByText(tree.permutation, fanout),
      )
    }),
  )
})

test('parents, children, depths, heights and ancestors tell the same story', () => {
  check(
    fc.property(setting, ({ n, root, id, fanout }) => {
      const tree = treeOf(id, root, parameters(n, fanout))
      assert.is(tree.parentOf(root), undefined)
      const path = (signer: number): number[] => {
        const parent = tree.parentOf(signer)
        return parent === undefined ? [] : [parent, ...path(parent)]
      }
      for (let signer = 0; signer < n; signer++) {
        const above = path(signer)
        assert.is(tree.depthOf(signer), above.length)
        for (const child of tree.childrenOf(signer)) assert.is(tree.parentOf(child), signer)
        for (let other = 0; other < n; other++) assert.is(tree.isAncestor(other, signer), above.includes(other))
        assert.is(tree.heightOf(signer), Math.max(...tree.subtreeOf(signer).map((below) => tree.depthOf(below))) - above.length)
      }
    }),
    30,
  )
})

test('regional: each region is one block, the root’s first, and every region but the root’s has few ways in', () => {
  check(
    fc.property(fc.integer({ min: 3, max: 90 }), idOf, (n, id) => {
      const given = parameters(n, 2, ['eu', 'us', 'ap'])
      const regionOf = (signer: number) => given.signers[signer]?.region
      for (const root of [0, 1, n - 1]) {
        const { permutation } = treeOf(id, root, given)
        const blocks = permutation.filter((signer, i) => i === 0 || regionOf(signer) !== regionOf(permutation[i - 1] ?? -1)).map(regionOf)
        assert.is(blocks.length, 3)
        assert.is(blocks[0], regionOf(root))
        // Inside a block the order is that of the random tree.
        const plain = treeOf(id, root, parameters(n)).permutation
        for (const region of blocks)
          assert.equal(
            permutation.filter((signer) => regionOf(signer) === region),
            plain.filter((signer) => regionOf(signer) === region),
          )
      }
    }),
    50,
  )
})

test('batch, root and cluster each change the tree', () => {
  const one = treeOf('01'.repeat(32), 3, parameters(31)).permutation
  assert.not.equal(treeOf('02'.repeat(32), 3, parameters(31)).permutation, one)
  assert.not.equal(treeOf('01'.repeat(32), 3, { ...parameters(31), clusterId: 'ce'.repeat(32) }).permutation, one)
  const moved = treeOf('01'.repeat(32), 4, parameters(31)).permutation
  assert.equal(
    moved.filter((signer) => signer !== 3 && signer !== 4),
    one.filter((signer) => signer !== 3 && signer !== 4),
  )
})

test('a shuffle that favours nobody: each signer at each place about as often', () => {
  const counts = Array.from({ length: 5 }, () => new Array<number>(5).fill(0))
  for (let i = 0; i < 5000; i++) {
    const id = i.toString(16).padStart(64, '0')
    treeOf(id, 0, parameters(6))
      .permutation.slice(1)
      .forEach((signer, place) => {
        const row = counts[signer - 1] ?? []
        row[place] = (row[place] ?? 0) + 1
      })
  }
  // 1,000 expected; the standard deviation is 28.
  for (const row of counts) for (const count of row) assert.ok(Math.abs(count - 1000) < 170, JSON.stringify(counts))
})

test('one signer, two signers, a star and a large tree', () => {
  assert.equal(treeOf('00'.repeat(32), 0, parameters(1)).permutation, [0])
  assert.is(new Tree([1, 0], 2).parentOf(0), 1)
  const star = treeOf('00'.repeat(32), 5, parameters(9, 8))
  assert.is(star.childrenOf(5).length, 8)
  assert.is(star.depth, 1)
  assert.is(treeOf('00'.repeat(32), 5, parameters(4096)).depth, 12)
})

test.run()
