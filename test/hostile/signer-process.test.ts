// time limit: 240 s
/** Some of the attacks on a signer process: each connection ends in its way, the signer lives and goes on. All of them, with latencies: `signer-process.long.test.ts`. */
import { test } from 'uvu'
import { ATTACKS } from './attacks.js'
import { SignerProcesses } from './processes.js'
import { targetOf, withstand } from './under-attack.js'

/** Those that are over at once. */
const SHORT = [
  'oversize frame',
  'replayed handshake',
  'reflected handshake',
  'wrong cluster',
  'wrong version',
  'wrong role',
  'foreign Origin on the API',
]
const TARGET = 3
const EFFORT = { rounds: 1, samples: 3, leastMs: 200 }

let cluster: SignerProcesses

test.before(async () => {
  cluster = await SignerProcesses.start(5, 'attacked')
})
test.after(() => cluster?.end())

for (const attack of ATTACKS.filter(({ name }) => SHORT.includes(name)))
  test(attack.name, async () => {
    await withstand(cluster, attack, await targetOf(cluster, TARGET, 0), EFFORT)
  })

test.run()
