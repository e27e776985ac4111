// time limit: 300 s
/** The first chapter of docs/guide.md, command by command as it stands there. All of them: `guide.long.test.ts`. */
import { test } from 'uvu'
import { followGuide } from './follow-guide.js'

test('a first cluster', () => followGuide(['1']))

test.run()
