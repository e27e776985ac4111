// alone
// time limit: 3600 s
/** kill -9 before and after every record and every message of a batch that has no rival, as root, inner signer and leaf, with real processes. */
import { killedEverywhere } from './killed-everywhere.js'

killedEverywhere('lone', 3)
