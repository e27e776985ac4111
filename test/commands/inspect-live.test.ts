/** `musig inspect timeline`, `tree` and their like against one small cluster: what its signers noted. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TimelineData } from '../../src/lib/inspect/data.js'
import { LiveCluster, type TxDocument } from './live-cluster.js'

const cluster = new LiveCluster()
let slow: TxDocument | undefined
test.before(async () => {
  await cluster.up()
  slow = (await cluster.quarrel()).slow[0]
})
test.after(() => cluster.end())

const slowId = () => slow?.batchId ?? ''

test('timeline: what each signer noted, on one clock, with the critical path from the proposal to the decision', async () => {
  const data = (await cluster.document(['inspect', 'timeline', slow?.txId.slice(0, 10) ?? ''])) as unknown as TimelineData & { schema: number }
  assert.equal([data.schema, data.batchId, data.n, data.status], [1, slowId(), 4, 'executed'])
  assert.is(data.signers[0]?.signer, data.root)
  for (const { telling, clockShiftMs, moments, spans } of data.signers) {
    assert.equal([telling, clockShiftMs], ['told', 0])
    const kinds = moments.map(({ what }) => what)
    for (const kind of ['proposed', 'voted', 'ordered', 'accepted', 'certified', 'executed'] as const) assert.ok(kinds.includes(kind), kind)
    assert.ok(spans.some(({ kind }) => kind === '3a'))
  }
  const path = data.criticalPath.map(({ what }) => what)
  assert.is(path[0], 'proposed')
  for (const kind of ['vote received', 'ordered', 'accept received', 'executed'] as const)
    assert.ok(path.includes(kind), `${kind}: ${path.join(', ')}`)
})

test('timeline: bars in the terminal, an SVG in a file, refusals in one line', async () => {
  const { stdout } = await cluster.good(['inspect', 'timeline', slowId()])
  assert.match(stdout, new RegExp(`^Timeline of batch ${slowId().slice(0, 8)} · root \\d · 4 signers · executed at the last signer after `))
  assert.match(stdout, /▸ critical path: /)
  const file = join(cluster.folder, 'timeline.svg')
  await cluster.good(['inspect', 'timeline', slowId(), '--svg', file])
  assert.match(readFileSync(file, 'utf8'), /^<svg [\s\S]*<\/svg>\s*$/)
  await cluster.refused(['inspect', 'timeline', slowId(), '--svg', '-'], 2, 'BAD_INPUT', /both go to stdout/)
  await cluster.refused(['inspect', 'timeline', '0'.repeat(12)], 2, 'NOT_FOUND', /no batch or transaction 000000000000/)
})

test.run()
