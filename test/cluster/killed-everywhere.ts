/** The test of kill -9 at every point of a batch, for one kind of traffic. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleCrashingSigner, CrashBench, removeBundles } from './crash-bench.js'
import { nameOf, pointsOf } from './crash-point.js'
import { CrashRun, type Traffic, tableOf } from './crash-run.js'

/** Registers and runs it. The points are those that the signer is seen to come to over so many `batches` in each role. */
export function killedEverywhere(traffic: Traffic, batches: number): void {
  let bench: CrashBench | undefined
  test.after(async () => {
    await bench?.end()
    removeBundles()
  })

  test(`kill -9 at every record and every message, as root, inner signer and leaf: ${traffic}`, async () => {
    bench = await CrashBench.up(7, await bundleCrashingSigner())
    const run = await CrashRun.begin(bench, 3)
    for (const role of ['root', 'inner', 'leaf'] as const) {
      const steps = await run.steps(role, traffic, batches)
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
}
