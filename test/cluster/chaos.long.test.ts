// alone
// time limit: 900 s
/** Chaos for five minutes with seven signers; a run that is broken off leaves nothing. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { goodChaos, runChaos } from './run-chaos.js'

test('five minutes of kill -9 and pauses keep every promise', async () => {
  const seed = String(Math.floor(Math.random() * 1_000_000))
  console.log(`chaos seed ${seed}`)
  await goodChaos(['--minutes', '5', '-n', '7', '--seed', seed])
})

test('Ctrl-C under way ends all processes', async () => {
  // The runner fails a file that leaves processes.
  const { code, stderr } = await runChaos(['--minutes', '5', '-n', '4', '--seed', '1'], / for \d+ ms/)
  assert.is(code, 1)
  assert.match(stderr, /broken off/)
})

test.run()
