// time limit: 300 s
/** Machines that are not deterministic, in real processes: `cluster status` says so after one transaction, and names who differs; and machines that fail or are slow. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClusterStatus } from '../../src/lib/cluster/status.js'
import { LiveCluster } from '../commands/live-cluster.js'

/** A list of texts; `quirk` is what comes of one besides. */
const machine = (quirk: string) => `
import { createHash } from 'node:crypto'
const isSecond = process.argv.some((arg) => arg.endsWith('/2.json'))
const isPeer = process.argv.some((arg) => /peer/.test(arg))
export default class {
  texts = []
  check() {}
  apply({ payload }) {
    const text = Buffer.from(payload).toString()
    let result = this.texts.push(text)
    ${quirk}
    return { ok: true, result }
  }
  query(path) { return path === 'texts' ? this.texts : undefined }
  digest() { return createHash('sha256').update(JSON.stringify(this.texts)).digest() }
  snapshot() { return Buffer.from(JSON.stringify(this.texts)) }
  restore(snapshot) { this.texts = JSON.parse(Buffer.from(snapshot).toString()) }
}
`

const bench = new LiveCluster()
test.after(() => bench.end())

async function up(quirk: string, ...more: string[]): Promise<void> {
  await bench.good(['cluster', 'up', '-n', '4', ...more, '--machine', bench.file('machine.js', machine(quirk))])
}

async function submit(text: string): Promise<string> {
  const { stdout } = await bench.musig(['tx', 'submit', text, '--deps', 'list', '--json'])
  return JSON.parse(stdout).txId
}

/** The status once all have executed so many batches: its document, its lines and its exit code. */
async function statusAfter(executed: number): Promise<{ status: ClusterStatus; lines: string; code: number }> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const status = JSON.parse((await bench.musig(['cluster', 'status', '--json'])).stdout) as ClusterStatus
    if ([...status.signers, ...status.peers].every((member) => member.executed === executed)) {
      const { stdout, code } = await bench.musig(['cluster', 'status'])
      return { status, lines: stdout, code }
    }
    if (performance.now() > deadline) throw new Error(`not all have executed ${executed} batches within 30 s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

test('random numbers in the receipt: all are named after one transaction', async () => {
  await up('result = Math.random()')
  const txId = await submit('one')
  const { status, lines, code } = await statusAfter(1)
  assert.is(code, 1)
  assert.match(lines, new RegExp(`The state machine DIVERGES: signers 0-3 do not agree since transaction ${txId.slice(0, 16)}, on its receipt\\.`))
  assert.equal(status.machine.majority, [])
  assert.equal(
    status.machine.differing.map((one) => [(one as { signer: number }).signer, one.since.txId, one.since.in, one.since.isExact]),
    [0, 1, 2, 3].map((signer) => [signer, txId, 'receipt', true]),
  )
  await bench.good(['cluster', 'rm'])
})

test('one signer whose state alone differs is named after one transaction, and still after a restart; a peer agrees with the others', async () => {
  await up("if (isSecond && text === 'odd') this.texts.push('and this')", '--peers', '1')
  await submit('first')
  const well = await statusAfter(1)
  assert.is(well.code, 0)
  assert.equal(well.status.machine.differing, [])
  assert.equal(well.status.machine.compared, [{ signer: 0 }, { signer: 1 }, { signer: 2 }, { signer: 3 }, { peer: 0 }])
  assert.not.match(well.lines, /DIVERGES/)
  const odd = await submit('odd')
  const { status, lines, code } = await statusAfter(2)
  assert.is(code, 1)
  const others = [{ signer: 0 }, { signer: 1 }, { signer: 3 }, { peer: 0 }]
  assert.equal(status.machine.majority, others)
  const [{ since, ...who }, ...more] = status.machine.differing as [ClusterStatus['machine']['differing'][number]]
  assert.equal([who, more], [{ signer: 2 }, []])
  assert.equal([since.txId, since.in, since.isExact], [odd, 'state', true])
  assert.match(lines, new RegExp(`signer 2 differs from signers 0-1,3 and peer 0 since transaction ${odd.slice(0, 16)}, on the state after it\\.`))
  await bench.good(['cluster', 'restart', '2'])
  const later = await statusAfter(2)
  assert.is(later.code, 1)
  assert.match(later.lines, new RegExp(`signer 2 differs from .* on the state after transaction ${odd.slice(0, 16)}, or since one before it`))
  await bench.good(['cluster', 'rm'])
})

test('one peer whose receipts differ is named; what fails, and what is slow, is told with its transaction', async () => {
  await up(
    "if (isPeer) result = 0; if (text === 'throw') throw new Error('as was asked'); if (text === 'slow') { const end = Date.now() + 300; while (Date.now() < end); }",
    '--peers',
    '1',
  )
  const first = await submit('one')
  const { lines, code, status } = await statusAfter(1)
  assert.is(code, 1)
  assert.match(lines, new RegExp(`peer 0 differs from signers 0-3 since transaction ${first.slice(0, 16)}, on its receipt\\.`))
  assert.equal(status.machine.majority, [{ signer: 0 }, { signer: 1 }, { signer: 2 }, { signer: 3 }])
  const thrown = await submit('throw')
  const slow = await submit('slow')
  const after = await statusAfter(3)
  assert.match(
    after.lines,
    new RegExp(
      `The state machine failed at signers 0-3 and peer 0, 5 times in all; the last time in apply of transaction ${thrown.slice(0, 16)}: as was asked`,
    ),
  )
  assert.match(
    after.lines,
    new RegExp(
      `The state machine is slow: transaction ${slow.slice(0, 16)} took \\d+ ms at .*, which did nothing else meanwhile; 5 took more than 250 ms in all, at signers 0-3 and peer 0`,
    ),
  )
  const [one] = after.status.signers
  assert.equal(one?.machine?.failures, { apply: 1 })
  assert.is(one?.machine?.slow?.txId, slow)
  const metrics = await (await fetch(`${one?.url}/metrics`)).text()
  assert.match(metrics, /musig_machine_failures_total\{call="apply",self="0"\} 1/)
  assert.match(metrics, /musig_machine_apply_seconds_bucket\{le="0.25",self="0"\} 2/)
  assert.match(metrics, /musig_machine_apply_seconds_count\{self="0"\} 3/)
})

test.run()
