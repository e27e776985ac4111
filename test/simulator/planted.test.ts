// time limit: 180 s
/**
 * Planted bugs: with one rule taken out the simulator finds what breaks, at the seeds kept here; with the rule kept the same seeds are safe. Found by
 * running the seeds of a sweep from 1 on; `docs/simulator.md` says after how many.
 */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DurableRecord } from '../../src/lib/core/record.js'
import { ALL_RULES } from '../../src/lib/core/rules.js'
import { Signer } from '../../src/lib/core/signer.js'
import type { SimulatedSigner } from '../../src/lib/simulator/host.js'
import type { RunOptions } from '../../src/lib/simulator/simulate.js'
import { DIRECTED, PLANTED, planted, SHOWN_ELSEWHERE } from './planted-rules.js'

for (const one of PLANTED) {
  test(`without “${one.rule}” seed ${one.seed} breaks ${one.breaks}`, () => {
    assert.ok(planted(one, { rules: { [one.rule]: false } }).some(({ id }) => id === one.breaks))
  })
  test(`with it the same seed is safe: ${one.rule}`, () => assert.equal(planted(one, {}), []))
}

/** A signer that sends what a step says before it writes the records of that step, where one is of this kind. */
function writesLate(signer: SimulatedSigner, kind: DurableRecord['type']): SimulatedSigner {
  return {
    get wakeAt() {
      return signer.wakeAt
    },
    restore: (records) => signer.restore(records),
    step(event) {
      const effects = signer.step(event)
      if (!effects.some((effect) => effect.type === 'persist' && effect.record.type === kind)) return effects
      return [...effects.filter(({ type }) => type !== 'persist'), ...effects.filter(({ type }) => type === 'persist')]
    },
  }
}

for (const kind of ['batch', 'vote', 'accept', 'promise', 'order'] as const)
  test(`sent before it is stored, ${kind}: breaks D2 within 5 seeds`, () => {
    const wrap: RunOptions['wrap'] = (signer) => writesLate(signer, kind)
    let caught = 0
    for (let seed = 1; seed <= 5 && caught === 0; seed++) {
      const violations = planted({ base: { n: 5, txs: 6 }, seed }, { wrap })
      if (violations.some(({ id, text }) => id === 'D2' && text.includes(`its ${kind}`))) caught = seed
    }
    assert.ok(caught > 0)
  })

const BOUNDS: [what: string, change: (q: { n: number; quorum: number; inclusion: number }) => { quorum?: number; inclusion?: number }][] = [
  ['an inclusion of 0', () => ({ inclusion: 0 })],
  ['an inclusion too large', ({ quorum }) => ({ inclusion: quorum - 1 })],
  ['thresholds over what arrived instead of n', ({ n }) => ({ quorum: Math.floor(n / 2) + 1 })],
]

for (const [what, change] of BOUNDS)
  test(`${what}: caught within 60 seeds`, () => {
    const make: RunOptions['make'] = (options) => new Signer({ ...options, manifest: { ...options.manifest, ...change(options.manifest) } })
    let caught = 0
    for (let seed = 1; seed <= 60 && caught === 0; seed++) if (planted({ base: { txs: 6 }, seed }, { make }).length > 0) caught = seed
    console.log(`${what}: caught at seed ${caught}`)
    assert.ok(caught > 0)
  })

test('no rule was forgotten', () => {
  const shown = new Set<string>([...[...PLANTED, ...DIRECTED].map(({ rule }) => rule), ...SHOWN_ELSEWHERE.keys()])
  assert.equal(
    Object.keys(ALL_RULES).filter((rule) => !shown.has(rule)),
    [],
  )
  for (const [rule, file] of SHOWN_ELSEWHERE)
    assert.ok(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').includes(rule), `${rule} in ${file}`)
})

test.run()
