/** Runs that once failed, each with what was wrong. They are added from what sweeps and swarms print, and never taken out. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CALM, commandOf, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'

const REGRESSIONS: [wrong: string, scenario: Partial<Scenario>][] = [
  [
    'orders inside backings inside orders grew until they could not be encoded',
    { seed: 2862, windowMs: 30, contention: 1, hotKeys: 1, invalid: 0.2, delay: 'lognormal:8:1', loss: 0.15, crashes: 1, restarts: 1, bytes: true },
  ],
  ['the same', { seed: 79, windowMs: 30, hotKeys: 1, delay: 'lognormal:8:1', loss: 0.05, crashes: 1, restarts: 1, bytes: true }],
  [
    'with as many laggards as f_s nobody could start a ballot for a batch that was final at all others',
    // n = 7, where f_s is 3: three had it, three had not, one was gone for good.
    { seed: 325, txs: 6, contention: 1, hotKeys: 3, windowMs: 100, loss: 0.05, reorder: true, crashes: 1, restarts: 3, deltaMs: 60 },
  ],
  [
    'coordinators waited for a history that a liar claimed and nobody had, ballot after ballot',
    { seed: 500037, windowMs: 10, contention: 1, hotKeys: 1, delay: 'exp:30', disk: '0', partitions: 2, liars: 1, lie: 'collude', limitMs: 30_000 },
  ],
  [
    'roots waited for such a history too, so that every batch went into recovery',
    { seed: 700127, windowMs: 0, contention: 1, hotKeys: 1, deltaMs: 50, liars: 1, lie: 'collude', limitMs: 10_000 },
  ],
  [
    'a two-faced root made a signer send its share of one value under the name of another',
    { seed: 804196906, n: 10, windowMs: 30, delay: 'exp:30', disk: '0-4', crashes: 1, restarts: 1, liars: 1 },
  ],
  [
    'signers that came back together waited for one another before they signed',
    {
      seed: 23,
      windowMs: 1000,
      hotKeys: 1,
      delay: '5',
      disk: '0-4',
      crashes: 1,
      restarts: 2,
      pauseMs: 16,
      deltaMs: 50,
      lie: 'collude',
      limitMs: 60_000,
    },
  ],
  [
    'the limit on messages did not count what all ask at the start under the guard',
    { seed: 13, windowMs: 0, contention: 1, delay: '2-20', crashes: 1, pauseMs: 16, deltaMs: 50, lie: 'collude' },
  ],
  [
    'a tick behind a step that takes time was due again at once, without end',
    {
      seed: 5,
      txs: 400,
      windowMs: 400,
      contention: 0.9,
      hotKeys: 4,
      delay: '2-8',
      verifyMs: 1.2,
      signMs: 0.4,
    },
  ],
]

for (const [wrong, change] of REGRESSIONS) {
  const scenario = { ...CALM, ...change }
  test(`${wrong}: ${commandOf(scenario)}`, () => {
    const { verdict, violations } = simulate(scenario)
    assert.is(verdict, 'ok', JSON.stringify(violations))
  })
}

test.run()
