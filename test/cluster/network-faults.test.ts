/** How a person names signers and groups, and which faults follow for each signer. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ClusterFolder } from '../../src/lib/cluster/cluster-folder.js'
import { networkLines } from '../../src/lib/cluster/network.js'
import { faultsOf, isReachable, parsePartition, parseSigners, readFaults, signersText } from '../../src/lib/cluster/network-faults.js'

test('signers are named by numbers, ranges and lists', () => {
  assert.equal(parseSigners('3', 5), [3])
  assert.equal(parseSigners('4,0-2, 1', 5), [0, 1, 2, 4])
  assert.is(signersText([4, 0, 1, 2]), '0-2,4')
  assert.is(signersText([]), '')
  for (const [typed, reason] of [
    ['', /“” does not name signers/],
    ['a', /“a” does not name/],
    ['1,', /“1,” does not name/],
    ['-1', /does not name/],
    ['1.5', /does not name/],
    ['5', /no signer 5; they are numbered 0 to 4/],
    ['0-7', /no signer 7/],
    ['3-1', /“3-1” runs backwards; write 1-3/],
  ] as const)
    assert.throws(() => parseSigners(typed, 5), reason)
})

test('groups are parted by strokes; who is not named forms one more', () => {
  assert.equal(parsePartition('0-1/2-4', 5), [
    [0, 1],
    [2, 3, 4],
  ])
  assert.equal(parsePartition('0/1', 5), [[0], [1], [2, 3, 4]])
  assert.equal(parsePartition('3', 5), [[3], [0, 1, 2, 4]])
  assert.throws(() => parsePartition('0-4', 5), /one group of all 5 signers/)
  assert.throws(() => parsePartition('0-2/2-4', 5), /signer 2 in two groups/)
  assert.throws(() => parsePartition('0//1', 5), /does not name signers/)
})

test('each signer is told of its own links: cut to other groups, its own way out late or lossy', () => {
  const faults = { partition: [[0, 1], [2]], links: [{ from: 0, to: 1, delayMs: 5, lossPerMille: 300 }] }
  const cut = { cut: true, delayMs: 0, lossPerMille: 0 }
  assert.equal(faultsOf(faults, 0, 3), [
    { signer: 1, cut: false, delayMs: 5, lossPerMille: 300 },
    { signer: 2, ...cut },
  ])
  assert.equal(faultsOf(faults, 1, 3), [{ signer: 2, ...cut }])
  assert.equal(faultsOf(faults, 2, 3), [
    { signer: 0, ...cut },
    { signer: 1, ...cut },
  ])
  assert.equal(faultsOf({ partition: [], links: [] }, 0, 3), [])
  assert.equal([isReachable(faults, 0, 1), isReachable(faults, 0, 2), isReachable(faults, 2, 2)], [true, false, true])
  assert.equal(networkLines({ partition: faults.partition, links: [{ from: 0, to: 1, delayMs: 5, loss: 0.3 }] }), [
    'partitioned: 0-1 / 2',
    'link 0 → 1: 5 ms late, 30 % lost',
  ])
})

test('a file of faults that is no object is refused by its name', () => {
  const home = mkdtempSync(join(tmpdir(), 'musig-faults-'))
  const folder = new ClusterFolder(home, 'default')
  mkdirSync(dirname(folder.faultsFile), { recursive: true })
  for (const text of ['null', '3', '"a"', '[]']) {
    writeFileSync(folder.faultsFile, text)
    assert.throws(
      () => readFaults(folder),
      (error: Error & { code?: string }) => error.code === 'BAD_ENCODING' && error.message.includes('faults.json'),
      text,
    )
  }
  rmSync(home, { recursive: true })
})

test.run()
