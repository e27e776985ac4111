/** `npm run bench` without a cluster: figures for what was chosen, and what it refuses. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MICRO_HEAD, type MicroRow, measured, microCells } from '../../scripts/bench/micro.js'
import { microCases } from '../../scripts/bench/micro-cases.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

function script(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/bench.ts', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
    })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...said })))
}

test('--only tree --json: one document with figures of the trees, and of nothing else', async () => {
  const { code, stdout, stderr } = await script('--only', 'tree', '--json')
  assert.is(code, 0, stderr)
  const { schema, rows } = JSON.parse(stdout) as { schema: number; rows: MicroRow[] }
  assert.is(schema, 1)
  assert.equal(
    rows.map(({ group, name }) => [group, name]),
    [
      ['tree', 'n = 31, fanout 2'],
      ['tree', 'n = 1023, fanout 2'],
    ],
  )
  assert.ok(
    rows.every(({ us }) => us > 0),
    stdout,
  )
})

test('what it refuses is one line, and exit code 2', async () => {
  const refused: [string[], RegExp][] = [
    [['--only', 'nothing'], /--only nothing is in none of tally, order, codec, batch path, tree/],
    [['--only', 'tree', '--contention'], /--only goes without --contention/],
    [['--only', 'tree', '--page', 'docs/performance.md'], /--page goes without --only/],
    [['--contention', '--conflicts', '0,2'], /--conflicts 0,2: “2” is no number from 0 to 1/],
  ]
  for (const [args, reason] of refused) {
    const { code, stdout, stderr } = await script(...args)
    assert.equal([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, /^Error: [^\n]+\n$/)
    assert.match(stderr, reason)
  }
})

test('every case does its work, and does it again', () => {
  const cases = microCases(loadCrypto())
  for (const { group, name, make } of cases) {
    const { work, floor } = make()
    for (let run = 0; run < 3; run++) assert.ok(work(run) !== undefined, `${group} ${name}`)
    floor?.work(0)
  }
  assert.is(new Set(cases.map(({ group, name }) => `${group} ${name}`)).size, cases.length)
})

test('a tree is made anew in every run', () => {
  const one = microCases(loadCrypto()).find(({ group }) => group === 'tree')
  const { work } = one?.make() ?? { work: () => undefined }
  const trees = new Set(Array.from({ length: 1100 }, (_, run) => work(run)))
  assert.is(trees.size, 1100)
})

test('a row stands beside its floor', () => {
  let spins = 0
  const work = () => {
    for (let i = 0; i < 20_000; i++) spins += i % 7
    return spins
  }
  const row = measured({ group: 'g', name: 'w', make: () => ({ work, floor: { name: 'the same', work } }) })
  assert.ok(row.us > 0 && row.floor !== null && Math.abs((row.ratio ?? 0) - row.us / row.floor.us) < 0.02 * (row.ratio ?? 0))
  assert.equal(microCells({ group: 'g', name: 'w', us: 6, floor: { name: 'f', us: 2 }, ratio: 3 }), ['g', 'w', 6, 'f', 2, 3])
  assert.is(microCells({ group: 'g', name: 'w', us: 6, floor: null, ratio: null }).length, MICRO_HEAD.length)
})

test.run()
