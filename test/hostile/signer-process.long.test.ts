// alone
// time limit: 3000 s
/**
 * A signer process of a real cluster under a light load, and those who attack its port: each connection ends within its limit, the signer lives, its memory is
 * bounded, and clients hardly notice. `signer-process.test.ts` is the short form.
 */
import { test } from 'uvu'
import { ATTACKS, type Target } from './attacks.js'
import { SignerProcesses } from './processes.js'
import { boundsOf, hardlyNoticed, latencies, targetOf, withstand } from './under-attack.js'

const N = 5
const TARGET = 3
const EFFORT = { rounds: 8, samples: 8, leastMs: 1000 }

let cluster: SignerProcesses
let target: Target

test.before(async () => {
  cluster = await SignerProcesses.start(N, 'attacked')
  target = await targetOf(cluster, TARGET, 0)
  // So that no first compilation counts as calm.
  await latencies(cluster, TARGET, { rounds: 1, samples: 100, leastMs: 0 })
})
test.after(() => cluster?.end())

for (const attack of ATTACKS)
  test(attack.name, async () => {
    hardlyNoticed(attack.name, await withstand(cluster, attack, target, EFFORT), boundsOf(attack))
  })

test.run()
