// alone
// time limit: 3600 s
/**
 * kill -9 before and after every record and every message of a batch, as root, inner signer and leaf, with real processes: on the fast path and on the
 * path of rivals. The points are those that the signer is seen to come to.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleCrashingSigner, CrashBench, removeBundles } from './crash-bench.js'
import { nameOf, pointsOf } from './crash-point.js'
import { CrashRun, type Traffic, tableOf } from './crash-run.js'

let bench: CrashBench | undefined

// Also after a failure: what is left of one cluster would slow down the next.
test.after.each(async () => {
  await bench?.end()
  bench = undefined
})
test.after(removeBundles)

for (const traffic of ['lone', 'rivals'] satisfies Traffic[])
  test(`kill -9 at every record and every message, as root, inner signer and leaf: ${traffic}`, async () => {
    bench = await CrashBench.up(7, await bundleCrashingSigner())
    const run = await CrashRun.begin(bench, 3)
    for (const role of ['root', 'inner', 'leaf'] as const) {
      const steps = await run.steps(role, traffic, traffic === 'lone' ? 3 : 8)
      console.log(role, [...steps].join(', '))
      for (const point of [...steps].flatMap((step) => pointsOf(role, step))) {
        await run.crash(point, traffic)
        const { result, ms } = run.outcomes.at(-1) ?? {}
        console.log(nameOf(point), result, ms)
      }
    }
    console.log(tableOf(run.outcomes))
    await bench.nothingLost()
    await bench.musig('down')
    const { faults, compared } = await bench.faultsInStores()
    console.log(`${compared} statements compared with their authors' stores`)
    assert.equal(faults, [])
  })

test.run()
