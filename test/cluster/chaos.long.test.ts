// alone
// time limit: 900 s
/** Chaos for five minutes with seven signers. */
import { test } from 'uvu'
import { goodChaos } from './run-chaos.js'

test('five minutes of kill -9 and pauses keep every promise', async () => {
  const seed = String(Math.floor(Math.random() * 1_000_000))
  console.log(`chaos seed ${seed}`)
  await goodChaos(['--minutes', '5', '-n', '7', '--seed', seed])
})

test.run()
