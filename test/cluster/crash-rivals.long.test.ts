// alone
// time limit: 3600 s
/** kill -9 before and after every record and every message of batches that are rivals, mostly past the fast path, as root, inner signer and leaf, with real processes. */
import { killedEverywhere } from './killed-everywhere.js'

killedEverywhere('rivals', 8)
