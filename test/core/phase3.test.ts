/** How long phase 3 took at one signer, from what it noted. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Moment, phase3MsOf } from '../../src/lib/core/moments.js'

const BEGUN: Moment[] = [
  { what: 'proposed', at: 100 },
  { what: 'voted', at: 101 },
]

test('phase 3 lasts from the order to the decision, in the ballot that decided', () => {
  const ordered: Moment = { what: 'ordered', at: 110, ballot: 0 }
  assert.is(phase3MsOf([...BEGUN, ordered, { what: 'accepted', at: 111, ballot: 0 }, { what: 'certified', at: 256.04, ballot: 0 }]), 146)
  const recovered: Moment[] = [...BEGUN, ordered, { what: 'ordered', at: 500, ballot: 2 }, { what: 'locked', at: 520, ballot: 2 }]
  assert.is(phase3MsOf(recovered), 20)
})

test('where it did not run, or is not remembered, nothing is said', () => {
  assert.is(phase3MsOf(undefined), null)
  assert.is(phase3MsOf(null), null)
  assert.is(phase3MsOf(BEGUN), null)
  // Votes alone: a certificate of no ballot.
  assert.is(phase3MsOf([...BEGUN, { what: 'ordered', at: 110, ballot: 0 }, { what: 'certified', at: 120 }]), null)
  // The certificate alone reached this signer, or another ballot's order did.
  assert.is(phase3MsOf([...BEGUN, { what: 'certified', at: 120, ballot: 0 }]), null)
  assert.is(phase3MsOf([...BEGUN, { what: 'ordered', at: 110, ballot: 0 }, { what: 'certified', at: 300, ballot: 1 }]), null)
})

test.run()
