// time limit: 3600 s
/**
 * Every lie told by a real process among seven, while an honest one is killed and another is paused, and transactions come in through all: honest signers keep to
 * one order and state, what was handed to them is executed, and evidence names liars alone.
 */
import { test } from 'uvu'
import { COLLUDE, LIE_NAMES } from '../../src/lib/byzantine/lies.js'
import { sevenLive } from './lying-cluster.js'

for (const lie of LIE_NAMES) test(`one liar of seven (f_a = 1): ${lie}`, () => sevenLive(`5:${lie}`))

// Progress needs all but n − q = 1; messages of a busy machine are given a second to arrive.
test('two of seven that work together (f_s = 3), under the guard', () => sevenLive(`5-6:${COLLUDE}`, { isStuck: true, more: ['--delta', '1000'] }))

test.run()
