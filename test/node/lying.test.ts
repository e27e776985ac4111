/** The liars of a process: what one has said in an earlier life it says again in the next. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Signer } from '../../src/lib/core/signer.js'
import { Liars } from '../../src/lib/node/lying.js'
import { FAKE, SmallCluster } from '../core/small-cluster.js'

const REPLAY = { strategy: 'replay-any', seed: 'lives' }

/** A life of signer 0 that hears of a message, and what it sends while nothing happens any more. */
function life(liars: Liars, heard: boolean): string[] {
  const { manifest, keys } = new SmallCluster({ n: 4 })
  const [own] = keys
  assert.ok(own)
  const options = { self: 0, manifest, crypto: FAKE, blsSecretKey: own.bls, linkSecretKey: own.link, check: () => undefined }
  const liar = liars.make(new Signer(options), options, REPLAY)
  liar.step({ type: 'start', now: 0 })
  if (heard) liar.step({ type: 'message', now: 1, from: 1, message: { type: 'fetch', ids: ['77'.repeat(32)] } })
  const sent: string[] = []
  for (let now = 2; now < 60; now++)
    for (const effect of liar.step({ type: 'tick', now })) if (effect.type === 'send') sent.push(JSON.stringify(effect.message))
  return sent
}

const isOfFirstLife = (message: string) => message.includes('77'.repeat(32))

test('what a liar heard before it was made anew it says again afterwards, and another process’s liar does not', () => {
  const liars = new Liars()
  life(liars, true)
  assert.ok(life(liars, false).some(isOfFirstLife))
  assert.not.ok(life(new Liars(), false).some(isOfFirstLife))
})

test.run()
