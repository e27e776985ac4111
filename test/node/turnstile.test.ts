/** The turnstile: never more inside than places, first come first in, a wait that is given up takes no place. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Turnstile } from '../../src/lib/node/turnstile.js'

test('lets in as many as there are places, the others in their order', () => {
  const turnstile = new Turnstile(2)
  const inside: string[] = []
  const leave = ['a', 'b', 'c', 'd', 'e'].map((name) => turnstile.take(() => inside.push(name)))
  assert.equal(inside, ['a', 'b'])
  leave[2]?.()
  leave[0]?.()
  assert.equal(inside, ['a', 'b', 'd'])
  leave[0]?.()
  assert.equal(inside, ['a', 'b', 'd'], 'a place is given back once')
  leave[1]?.()
  leave[3]?.()
  leave[4]?.()
  assert.equal(inside, ['a', 'b', 'd', 'e'])
  turnstile.take(() => inside.push('f'))
  turnstile.take(() => inside.push('g'))
  turnstile.take(() => inside.push('h'))
  assert.equal(inside, ['a', 'b', 'd', 'e', 'f', 'g'])
})

test.run()
