/** Changes of the signers in the simulator: every story with a few seeds. */
// time limit: 300 s
import { test } from 'uvu'
import { testEpochs } from './epochs.js'

testEpochs(1, 2)

test.run()
