/** docs/metrics.md has every metric of the project's own, with type, labels and whose it is, as registries that run have them; and none that there is not. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Registry } from 'prom-client'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clusterFiles } from '../node/cluster-fixture.js'
import { startPeer, startSigner } from '../node/signers-fixture.js'
import { pageOf, rowsOf } from './rows.js'

/** The labels of every metric that a registry of this process is given: what a registry prints shows them only once they were used. */
const labelsOf = new Map<string, string[]>()
const register = Registry.prototype.registerMetric
Registry.prototype.registerMetric = function (metric: object) {
  const { name, labelNames } = metric as { name: string; labelNames: readonly string[] }
  labelsOf.set(
    name,
    labelNames.filter((label) => label !== 'le'),
  )
  return Reflect.apply(register, this, [metric])
}

/** The metrics of a process of its own that asks for them as Prometheus does, by name: type and what is said of it. */
type Scraped = Map<string, { type: string; help: string }>

async function scrape(url: URL | string): Promise<Scraped> {
  const text = await (await fetch(new URL('/metrics', url))).text()
  const helps = new Map([...text.matchAll(/^# HELP (\w+) (.*)$/gm)].map(([, name = '', help = '']) => [name, help]))
  return new Map([...text.matchAll(/^# TYPE (musig_\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, { type, help: helps.get(name) ?? '' }]))
}

const rows = rowsOf(pageOf('metrics.md'))
let signer: Scraped = new Map()
let peer: Scraped = new Map()

test.before(async () => {
  const files = await clusterFiles(1, 'metrics')
  const running = await startSigner(files, 0)
  const following = await startPeer(files, 'peer')
  try {
    signer = await scrape(files.addresses[0] ?? '')
    peer = await scrape(following.url)
  } finally {
    await following.stop()
    await running.stop()
    files.remove()
  }
})

/** Names of metrics in the sources: also of those that neither of the two has. */
function namesInSources(): string[] {
  const root = fileURLToPath(new URL('../../src', import.meta.url))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const sources = files.map((file) => readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, ''))
  return [...new Set(sources.flatMap((source) => [...source.matchAll(/['"`](musig_[a-z_]+)['"`]/g)].map(([, name = '']) => name)))]
}

test('both were asked', () => {
  assert.ok(signer.size >= 25 && peer.size >= 20, `${signer.size} metrics of a signer, ${peer.size} of a peer`)
})

test('every metric of a signer and of a peer is on the page with its type and labels, and whose it is', () => {
  for (const [name, { type, help }] of new Map([...peer, ...signer])) {
    const labels = (labelsOf.get(name) ?? []).map((label) => `\`${label}\``).join(' ')
    const cells = [type, labels, signer.has(name) ? (peer.has(name) ? 'both' : 'signer') : 'peer']
    const [kind, named, whose, meaning = ''] = rows.get(name) ?? []
    const wanted = `docs/metrics.md needs this row: | \`${name}\` | ${cells.join(' | ')} | ${meaning || `${help}.`} |`
    assert.equal([kind, named, whose], cells, wanted)
    assert.ok(meaning.length > 10, wanted)
  }
})

test('every name of a metric in the sources is on the page, wherever it is registered', () => {
  for (const name of namesInSources())
    assert.ok(rows.has(name), `docs/metrics.md needs a row: | \`${name}\` | counter, gauge or histogram | \`label\` … | WHOSE | WHAT IT COUNTS |`)
})

test('the page has none that there is not', () => {
  const known = new Set([...signer.keys(), ...peer.keys(), ...namesInSources()])
  assert.equal(
    [...rows.keys()].filter((name) => name.startsWith('musig_') && !known.has(name)),
    [],
  )
})

test.run()
