// time limit: 300 s
/** Chaos for some seconds: real processes killed and paused under conflicting transfers keep every promise. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { goodChaos, runChaos } from './run-chaos.js'

test('some seconds of kill -9 and pauses: nothing lost, one order, live again', async () => {
  const seed = String(Math.floor(Math.random() * 1_000_000))
  console.log(`chaos seed ${seed}`)
  const summary = await goodChaos(['--minutes', '0.1', '-n', '4', '--seed', seed])
  assert.ok(Number(summary['certificatesChecked']) > 0)
})

test('a wrong number is named', async () => {
  const { code, stderr } = await runChaos(['--minutes', 'x'])
  assert.is(code, 2)
  assert.match(stderr, /--minutes x is no number from/)
})

test.run()
