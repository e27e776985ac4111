/** docs/metrics.md has every metric of the project's own, with type and labels, as a registry that runs has them; and none that there is not. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Subject } from '../../src/lib/node/answers.js'
import { Metrics } from '../../src/lib/node/metrics.js'
import { pageOf, rowsOf } from './rows.js'

/** A metric as a registry holds it. */
interface Registered {
  type: string
  labels: string[]
  help: string
}

/** What every registry of this process is given from now on. */
const registered = new Map<string, Registered>()
const register = Registry.prototype.registerMetric
Registry.prototype.registerMetric = function (metric: object) {
  const kinds = { counter: Counter, gauge: Gauge, histogram: Histogram, summary: Summary }
  const type = Object.entries(kinds).find(([, kind]) => metric instanceof kind)?.[0] ?? 'unknown'
  const { name, help, labelNames } = metric as { name: string; help: string; labelNames: readonly string[] }
  registered.set(name, { type, help, labels: labelNames.filter((label) => label !== 'le') })
  return Reflect.apply(register, this, [metric])
}

const metrics = new Metrics('0', false)
const subject = {
  executor: { waitingTransactions: 3 },
  journal: { undecided: new Map(), waiting: new Map() },
  connected: new Set([1, 2]),
  manifest: { quorum: 3 },
}
metrics.watch({ subject: subject as unknown as Subject, gathered: () => 0, links: {} as never, queuedBytes: () => 0 })

const rows = rowsOf(pageOf('metrics.md'))

/** Names of metrics in the sources: also of those that no registry above was asked to hold. */
function namesInSources(): string[] {
  const root = fileURLToPath(new URL('../../src', import.meta.url))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const sources = files.map((file) => readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, ''))
  return [...new Set(sources.flatMap((source) => [...source.matchAll(/['"`](musig_[a-z_]+)['"`]/g)].map(([, name = '']) => name)))]
}

test('the registry was heard', () => {
  assert.ok(registered.size >= 20, `${registered.size} metrics`)
})

test('every metric is on the page with its type and labels', () => {
  for (const [name, { type, labels, help }] of registered) {
    const cells = [type, labels.map((label) => `\`${label}\``).join(' ')]
    const [kind, named, meaning = ''] = rows.get(name) ?? []
    const wanted = `docs/metrics.md needs this row: | \`${name}\` | ${cells.join(' | ')} | ${meaning || `${help}.`} |`
    assert.equal([kind, named], cells, wanted)
    assert.ok(meaning.length > 10, wanted)
  }
})

test('every name of a metric in the sources is on the page, wherever it is registered', () => {
  for (const name of namesInSources())
    assert.ok(rows.has(name), `docs/metrics.md needs a row: | \`${name}\` | counter, gauge or histogram | \`label\` … | WHAT IT COUNTS |`)
})

test('the page has none that there is not', () => {
  const known = new Set([...registered.keys(), ...namesInSources()])
  assert.equal(
    [...rows.keys()].filter((name) => name.startsWith('musig_') && !known.has(name)),
    [],
  )
})

test('a registry that runs gives the types that the page says', async () => {
  const { text } = await metrics.text()
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (musig_\w+) (\w+)$/gm)) assert.is(rows.get(name)?.[0], type, name)
  assert.match(text, /^musig_waiting_transactions\{self="0"\} 3$/m)
  assert.match(text, /^musig_ready\{self="0"\} 1$/m)
})

test.run()
