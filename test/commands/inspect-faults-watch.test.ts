/** `musig inspect faults --watch`: one picture at first, another one whenever something is new, and an end with Ctrl-C. */
// time limit: 300 s
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FaultsData } from '../../src/lib/inspect/faults.js'
import { until } from '../until.js'
import { LiveCluster } from './live-cluster.js'

const LIAR = 3
const cluster = new LiveCluster()
test.before(() => cluster.up('documents', ['--byzantine', `${LIAR}:equivocate`]))
test.after(() => cluster.end())

const picturesIn = (stdout: string): FaultsData[] =>
  stdout
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as FaultsData)

test('nobody is guilty at first; once there is a proof another picture names the liar; no picture twice; Ctrl-C ends it with the exit code of a proof', async () => {
  let pictures: FaultsData[] = []
  const watching = cluster.process(['inspect', 'faults', '--watch', '--json'], {
    stopAt: /"evidence":\[\{/,
    printed: (stdout) => {
      pictures = picturesIn(stdout)
    },
  })
  await until('the first picture', () => pictures.length > 0, 30_000)
  const [first] = pictures
  assert.equal([first?.evidence, first?.silent], [[], []])
  let isOver = false
  watching.then(() => {
    isOver = true
  })
  const lines = Array.from({ length: 6 }, (_, i) => JSON.stringify({ op: 'put', id: 'x', document: { i } })).join('\n')
  while (!isOver) await cluster.musig(['tx', 'submit', '--batch', '-'], { input: lines })
  const { code, stderr } = await watching
  assert.is(code, 1)
  assert.match(stderr, /^Watching; Ctrl-C ends it\.$/m)
  const last = pictures.at(-1)
  assert.ok(pictures.length > 1)
  assert.ok(last && last.evidence.length > 0)
  for (const { signers } of last.evidence) assert.equal(signers, [LIAR])
  const states = pictures.map(({ evidence, suspicion, silent }) =>
    JSON.stringify([
      evidence.map(({ kind, batchIds }) => [kind, batchIds]),
      suspicion.map(({ signer, reason, count }) => [signer, reason, count]),
      silent,
    ]),
  )
  for (const [i, state] of states.entries()) assert.is.not(state, states[i - 1])
})

test('as text too', async () => {
  const { code, stdout } = await cluster.process(['inspect', 'faults', '--watch'], { stopAt: /Proved/ })
  assert.is(code, 1)
  assert.match(stdout, /^Faults · 4 of 4 members answer\n/)
  assert.match(stdout, new RegExp(`✗ signer ${LIAR} · `))
})

test.run()
