/** `musig inspect timeline`, `tree` and their like against one small cluster: what its signers noted. */
import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
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

/** What stands in an answer, changed: a signer’s API that lies to whoever asks. */
type Spoil = (path: string, answer: Record<string, unknown>) => void

/** The cluster's folder copied under another name, with lying APIs in front of some signers; `run` is given that name. */
async function withLies(lies: ReadonlyMap<number, Spoil>, run: (name: string) => Promise<void>): Promise<void> {
  const folders = join(cluster.home, 'clusters')
  cpSync(join(folders, 'default'), join(folders, 'lied-to'), { recursive: true })
  const file = join(folders, 'lied-to', 'cluster.json')
  const record = JSON.parse(readFileSync(file, 'utf8')) as { signers: { url: string }[] }
  const servers: Server[] = []
  for (const [signer, spoil] of lies) {
    const { url } = record.signers[signer] ?? { url: '' }
    const server = createServer(async (request, response) => {
      const asked = await fetch(new URL(request.url ?? '/', url))
      const answer = (await asked.json()) as Record<string, unknown>
      if (asked.ok) spoil(request.url ?? '', answer)
      response.writeHead(asked.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    }).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    Object.assign(record.signers[signer] ?? {}, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  }
  writeFileSync(file, JSON.stringify(record))
  try {
    await run('lied-to')
  } finally {
    for (const server of servers) server.close()
    rmSync(join(folders, 'lied-to'), { recursive: true })
  }
}

interface SigDocument {
  valid: boolean
  signatures: { phase: string; valid: boolean; reason: string; faulty?: number[]; search?: { shares: number; checks: number } }[]
}

test('sig: a broken aggregate exits 1; the signers are asked for their own shares, and halving finds who broke it', async () => {
  const client = cluster.client()
  const { accepts } = await client.description(slowId())
  client.close()
  // A signature of these signers, over something else.
  const wrong = accepts?.signature ?? ''
  const spoilSum: Spoil = (path, answer) => {
    if (path.startsWith('/api/descriptions/')) Object.assign(answer['votes'] ?? {}, { signature: wrong })
  }
  const spoilShare: Spoil = (path, answer) => {
    if (path.startsWith('/api/batches/')) Object.assign(answer['ownVote'] ?? {}, { signature: wrong })
  }
  await withLies(new Map([[0, spoilSum]]), async (name) => {
    const outcome = await cluster.musig(['inspect', 'sig', slowId(), '--cluster', name, '--json'])
    const { valid, signatures } = JSON.parse(outcome.stdout) as SigDocument
    assert.equal([outcome.code, valid, signatures.map((one) => one.valid)], [1, false, [false, true]])
    assert.equal([signatures[0]?.faulty, signatures[0]?.search], [[], { shares: 4, checks: 1 }])
    const { stdout } = await cluster.musig(['inspect', 'sig', slowId(), '--cluster', name])
    assert.match(stdout, /^faulty {4}none of the shares that signers gave \(1 check of 4 shares, by halving\): the sum is not theirs$/m)
  })
  await withLies(
    new Map([
      [0, spoilSum],
      [2, spoilShare],
    ]),
    async (name) => {
      const outcome = await cluster.musig(['inspect', 'sig', slowId(), '--cluster', name, '--json'])
      const { signatures } = JSON.parse(outcome.stdout) as SigDocument
      assert.equal([outcome.code, signatures[0]?.faulty], [1, [2]])
      assert.ok((signatures[0]?.search?.checks ?? 9) <= 5, JSON.stringify(signatures[0]?.search))
    },
  )
})

test.run()
