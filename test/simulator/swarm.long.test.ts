// time limit: 600 s
/** Two minutes of the swarm (swarm-seeds.ts). */
import { test } from 'uvu'
import { swarm } from './swarm-seeds.js'

test('seeds that nobody has seen before', () => swarm(120))

test.run()
