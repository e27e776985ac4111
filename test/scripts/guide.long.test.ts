// alone
// time limit: 1800 s
/** Every chapter of docs/guide.md, command by command as it stands there. */
import { test } from 'uvu'
import { followGuide } from './follow-guide.js'

test('the whole guide', () => followGuide([]))

test.run()
