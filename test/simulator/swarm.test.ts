// time limit: 240 s
/** Some seconds of the swarm (swarm-seeds.ts). */
import { test } from 'uvu'
import { swarm } from './swarm-seeds.js'

test('seeds that nobody has seen before', () => swarm(15))

test.run()
