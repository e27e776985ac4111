/** A change of the signers: what it must be to be taken, and the manifest that follows from it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex } from '../../src/lib/base/bytes.js'
import { fake, fakeEd25519 } from '../../src/lib/bls/fake.js'
import { approve, changeFault, changeOf, changeTransaction, manifestAfter, type Step, seatOf } from '../../src/lib/core/change.js'
import { Epochs } from '../../src/lib/core/epochs.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import { type Manifest, manifestToJson, readManifest, signerEntry } from '../../src/lib/core/manifest.js'
import { decodeBatch, EPOCH_KEY, isChange, makeBatch, shareKey, type Transaction } from '../../src/lib/core/transaction.js'
import { signersOf } from '../../src/lib/simulator/signers.js'
import { isCode } from './refusal.js'

const FAKE = { bls: fake, ed25519: fakeEd25519 }
const N = 5
const { manifest, keys, publicKeys } = signersOf(FAKE, { n: N, tolerance: '1/2', fanout: 2, regions: [], timing: {}, deltaMs: 0, spare: 1 })
const evicting = (seat: number): Step => ({ type: 'evict', publicKey: manifest.signers[seat]?.publicKey ?? new Uint8Array(48) })
const newcomer = () => signerEntry(FAKE, keys[N]?.bls ?? new Uint8Array(32), keys[N]?.link ?? new Uint8Array(32), 'newcomer')

/** A change that these signers approve, of this manifest. */
function changing(step: Step, approving: readonly number[], of: Manifest = manifest): Transaction {
  const approvals = new Map(approving.map((seat) => [seat, approve(fake, of, step, keys[seat]?.bls ?? new Uint8Array(32))]))
  const transaction = changeTransaction(FAKE, of, step, approvals, new Uint8Array(16))
  assert.ok(transaction)
  return transaction
}

test('a quorum of the old signers approves, and one approval less is too few', () => {
  assert.is(manifest.quorum, 4)
  assert.is(changeFault(FAKE, manifest, changing(evicting(2), [0, 1, 3, 4])), undefined)
  assert.is(changeFault(FAKE, manifest, changing(evicting(2), [0, 1, 3])), '3 signers approve, 4 are needed')
  assert.is(changeFault(FAKE, manifest, changing({ type: 'admit', signer: newcomer() }, [0, 1, 2, 3])), undefined)
})

test('approvals of one change are not those of another, nor of another epoch', () => {
  const good = changing(evicting(2), [0, 1, 3, 4])
  const other = changing(evicting(1), [0, 2, 3, 4])
  const swapped = { ...other, payload: other.payload.slice() }
  // The step of the one with the approvals of the other: the bytes of the public key stand in the payload as they are.
  const [from, to] = [manifest.signers[1]?.publicKey, manifest.signers[2]?.publicKey]
  assert.ok(from && to)
  const at = Buffer.from(swapped.payload).indexOf(Buffer.from(from))
  swapped.payload.set(to, at)
  assert.match(changeFault(FAKE, manifest, swapped) ?? '', /another manifest/)
  const next = manifestAfter(manifest, evicting(2))
  assert.is(changeFault(FAKE, next, good), 'a change to epoch 1 in epoch 1')
  assert.match(changeFault(FAKE, manifest, { ...good, payload: good.payload.slice(1) }) ?? '', /./)
})

test('who is no signer is not evicted, who is one is not admitted again, and nobody comes without proof of its keys', () => {
  const stranger: Step = { type: 'evict', publicKey: publicKeys[N] ?? new Uint8Array(48) }
  assert.match(changeFault(FAKE, manifest, changing(stranger, [0, 1, 2, 3])) ?? '', /evicts nobody/)
  const known = manifest.signers[1]
  assert.ok(known)
  isCode(() => manifestAfter(manifest, { type: 'admit', signer: known }), 'BAD_INPUT')
  const unproved: Step = { type: 'admit', signer: { ...newcomer(), proof: new Uint8Array(96) } }
  assert.match(changeFault(FAKE, manifest, changing(unproved, [0, 1, 2, 3])) ?? '', /does not prove/)
  const unlinked: Step = { type: 'admit', signer: { ...newcomer(), linkSignature: new Uint8Array(96) } }
  assert.match(changeFault(FAKE, manifest, changing(unlinked, [0, 1, 2, 3])) ?? '', /does not prove/)
  const full = { ...manifest, n: LIMITS.signers }
  assert.is(changeFault(FAKE, full, changing({ type: 'admit', signer: newcomer() }, [0, 1, 2, 3])), `more than ${LIMITS.signers} signers`)
})

test('approvals count only with their signatures: not those of other keys, nor of signers that there are not', () => {
  const step = evicting(2)
  // Signer 4 signs for signer 3 too.
  const forged = new Map([0, 1, 3, 4].map((seat) => [seat, approve(fake, manifest, step, keys[seat === 3 ? 4 : seat]?.bls ?? new Uint8Array(32))]))
  const transaction = changeTransaction(FAKE, manifest, step, forged, new Uint8Array(16))
  assert.ok(transaction)
  assert.match(changeFault(FAKE, manifest, transaction) ?? '', /^approvals with /)
  const few = changing(step, [0, 1, 3])
  const payload = few.payload.slice()
  // The bitmap of the three, one byte that stands behind its name, with the bit of a sixth signer.
  const at = Buffer.from(payload).indexOf('signers') + 'signers'.length
  assert.equal([...payload.subarray(at, at + 2)], [0x41, 0b1011])
  payload[at + 1] = 0b101011
  assert.is(changeFault(FAKE, manifest, { ...few, payload }), 'approvals of unknown signers')
})

test('the next manifest goes on with the cluster, names the one before, and comes back from its file', () => {
  const next = manifestAfter(manifest, evicting(2))
  assert.equal([next.epoch, next.n, next.quorum, next.clusterId], [1, 4, 4, manifest.clusterId])
  assert.is(next.succeeds?.manifest, manifest.manifestId)
  assert.is.not(next.manifestId, manifest.manifestId)
  assert.is(readManifest(JSON.parse(JSON.stringify(manifestToJson(next)))).manifestId, next.manifestId)
  const after = manifestAfter(next, { type: 'admit', signer: newcomer() })
  assert.equal([after.epoch, after.n, after.clusterId, after.succeeds?.manifest], [2, 5, manifest.clusterId, next.manifestId])
  assert.is(seatOf(after, publicKeys[2] ?? new Uint8Array(48)), -1)
  isCode(() => readManifest({ ...manifestToJson(manifest), epoch: 1 }), 'BAD_INPUT')
})

test('epochs follow from the changes alone, and go back with them', () => {
  const epochs = new Epochs(manifest)
  const first = changing(evicting(2), [0, 1, 3, 4])
  epochs.begin({ batchId: 'a', transaction: first })
  assert.is(epochs.manifest.manifestId, changeOf(first).manifest)
  assert.is(epochs.manifestOf(0), manifest)
  epochs.keep((batchId) => batchId !== 'a')
  assert.is(epochs.manifest, manifest)
  assert.equal(epochs.changes, [])
})

test('a change conflicts with everything, and stands alone in its batch', () => {
  assert.ok(shareKey([EPOCH_KEY], ['a']))
  assert.ok(shareKey([], [EPOCH_KEY]))
  assert.not.ok(shareKey([], ['a']))
  const change = changing(evicting(2), [0, 1, 3, 4])
  const other: Transaction = { ...change, deps: ['a'] }
  const made = (transactions: Transaction[]) => {
    const body = { epoch: 0, initiator: 0, sequence: 0, time: 1, transactions }
    return makeBatch(fakeEd25519, manifest.clusterId, keys[0]?.link ?? new Uint8Array(32), body)
  }
  assert.ok(isChange(decodeBatch(manifest.clusterId, made([change]).bytes).keys))
  isCode(() => decodeBatch(manifest.clusterId, made([change, other]).bytes), 'BAD_ENCODING')
  isCode(() => decodeBatch(manifest.clusterId, made([{ ...change, deps: ['a', EPOCH_KEY] }]).bytes), 'BAD_ENCODING')
  assert.is(fromHex(made([change]).id).length, 32)
})

test.run()
