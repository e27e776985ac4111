// time limit: 400 s
/** Three quarters of a minute of the swarm (swarm-seeds.ts). */
import { test } from 'uvu'
import { swarm } from './swarm-seeds.js'

test('seeds that nobody has seen before', () => swarm(45))

test.run()
