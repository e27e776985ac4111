/** Changes of the signers in the simulator: every story with many seeds. */
// time limit: 1800 s
import { test } from 'uvu'
import { testEpochs } from './epochs.js'

testEpochs(100, 40)

test.run()
