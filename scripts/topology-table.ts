/**
 * Measures in the simulator what one batch costs in tree, star and mesh, and writes the table into docs/measurements.md between its two marks.
 * Repeatable: virtual time, fixed seed. `node --import tsx scripts/topology-table.ts [N…]`; with sizes given it only prints.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CALM, type Scenario, TOPOLOGIES, type Topology } from '../src/lib/simulator/scenario.js'
import { type Result, simulate } from '../src/lib/simulator/simulate.js'

const SIZES = [7, 31, 127, 511, 1023]
const [BEGIN, END] = ['<!-- topology: begin -->', '<!-- topology: end -->']
const file = fileURLToPath(new URL('../docs/measurements.md', import.meta.url))

/** One transaction, nothing else under way, 10 ms for each hop, disks that take no time. */
const ALONE: Scenario = { ...CALM, txs: 1, windowMs: 0, contention: 0, delay: '10', disk: '0' }
/** The same with what work costs a signer on one core with blst: 0.4 ms a signature, 1.2 ms a verification, 0.05 ms a message. */
const WORKING: Partial<Scenario> = { signMs: 0.4, verifyMs: 1.2, messageMs: 0.05 }

function measured(n: number, topology: Topology): string[] {
  const scenario = { ...ALONE, n, topology }
  const result = simulate(scenario)
  const working = simulate({ ...scenario, ...WORKING }, { countBytes: false })
  for (const one of [result, working]) if (one.verdict !== 'ok') throw new Error(`${one.verdict}: ${one.command}`)
  const { perSigner, busiest, latency } = result
  return [
    String(n),
    topology,
    of(perSigner.messages),
    of(busiest.messages),
    of(perSigner.bytes),
    of(busiest.bytes),
    of(perSigner.signatures),
    of(perSigner.verifications),
    of(latency.hops),
    of(latency.ms),
    of(result.virtualMs),
    workingTimes(working),
  ]
}

function workingTimes({ latency, virtualMs }: Result): string {
  return `${of(latency.ms)} / ${of(virtualMs)}`
}

function of(value: number): string {
  return (value >= 100 ? Math.round(value) : Math.round(value * 10) / 10).toLocaleString('en-US')
}

function table(sizes: readonly number[]): string {
  const head = [
    'n',
    'topology',
    'messages (mean)',
    '(most)',
    'bytes (mean)',
    '(most)',
    'signatures',
    'verifications',
    'hops',
    'ms at the initiator',
    'ms everywhere',
    'with work, ms',
  ]
  const rows = sizes.flatMap((n) => TOPOLOGIES.map((topology) => measured(n, topology)))
  return [head, head.map((_, i) => (i === 1 ? '---' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function section(sizes: readonly number[]): string {
  return `${BEGIN}
## Tree, star and mesh

What one batch with one transaction costs each signer, sent and signed by it, with nothing else under way: the average signer, and the one that
has most of it. Simulated with fake signatures of the true sizes, 10 ms for each hop, no time for disks (\`scripts/topology-table.ts\` writes this
section; \`musig sim run -n N --txs 1 --topology T --json\` measures one line). Hops and the first two times are free of work: they count until the
initiator has executed the batch, and until everyone has. “With work” are the same two times where a signature takes 0.4 ms, a verification
1.2 ms and reading or sending a message 0.05 ms of a signer's one core.

The star is the tree with a fanout of n − 1. The mesh sends the batch from its initiator to all and every vote to everyone; it has no phase 3
and no recovery, and is there for this comparison only. It adds votes up before it verifies them, like the other two.

${table(sizes)}
${END}`
}

const sizes = process.argv.slice(2).map(Number)
if (sizes.length > 0) console.log(table(sizes))
else {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '# Measurements\n'
  const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)]
  const rest = before < 0 || after < 0 ? [`${text.trimEnd()}\n\n`, '\n'] : [text.slice(0, before), text.slice(after + END.length)]
  writeFileSync(file, `${rest[0]}${section(SIZES)}${rest[1]}`)
  console.log(`wrote ${file}`)
}
