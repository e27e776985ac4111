/** The handshake without sockets: who is let in, and what is signed for one handshake only. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/lib/base/bytes.js'
import { decodeCbor, encodeCbor, type Plain } from '../../src/lib/base/cbor.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { manifestAfter } from '../../src/lib/core/change.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import {
  Acceptor,
  Dialler,
  HANDSHAKE_BYTES,
  type HandshakeContext,
  type Identity,
  peerIdentity,
  signerIdentity,
} from '../../src/lib/node/handshake.js'
import { type TestCluster, testCluster } from './mesh.js'

const test = suite('handshake')
const cluster = testCluster(4)

function context(self: number, of: TestCluster = cluster, key = self): HandshakeContext {
  return {
    self: signerIdentity(of.manifest, self),
    manifest: of.manifest,
    ed25519: nodeEd25519,
    linkSecretKey: of.linkSecretKeys[key] ?? new Uint8Array(32),
  }
}

/** Changes one field of a message's plain form. */
function changed(message: Uint8Array, change: (fields: Map<string, Plain>) => void): Uint8Array {
  const fields = decodeCbor(message, HANDSHAKE_BYTES)
  assert.ok(fields instanceof Map)
  change(fields as Map<string, Plain>)
  return encodeCbor(fields)
}

test('two signers know each other after three messages and a welcome', () => {
  const dialler = new Dialler(context(1), 3)
  const acceptor = new Acceptor(context(3))
  const proof = dialler.proof(acceptor.answer(dialler.hello()))
  assert.equal(acceptor.dialler(proof), signerIdentity(cluster.manifest, 1))
  dialler.welcomed(acceptor.welcome())
})

test('messages are small', () => {
  const dialler = new Dialler(context(1), 3)
  const acceptor = new Acceptor(context(3))
  const hello = dialler.hello()
  const answer = acceptor.answer(hello)
  const sizes = [hello, answer, dialler.proof(answer), acceptor.welcome()].map((message) => message.length)
  assert.ok(Math.max(...sizes) < 400, sizes.join())
})

test('another cluster or version is refused by both sides', () => {
  for (const [other, words] of [[testCluster(4, 'another'), /cluster/]] as const) {
    assert.throws(() => new Acceptor(context(3)).answer(new Dialler(context(1, other), 3).hello()), words)
    const dialler = new Dialler(context(1), 3)
    assert.throws(() => dialler.proof(new Acceptor(context(3, other)).answer(new Dialler(context(1, other), 3).hello())), words)
  }
  const version = (message: Uint8Array) => changed(message, (fields) => fields.set('version', 2))
  const dialler = new Dialler(context(1), 3)
  assert.throws(() => new Acceptor(context(3)).answer(version(dialler.hello())), /version 2, not 1/)
  const answer = new Acceptor(context(3)).answer(dialler.hello())
  assert.throws(() => dialler.proof(version(answer)), /version 2, not 1/)
})

test('signers in different epochs know one another by their keys, whatever their indices; who was evicted is nobody', () => {
  const [, evicted] = cluster.manifest.signers
  assert.ok(evicted)
  const later = {
    manifest: manifestAfter(cluster.manifest, { type: 'evict', publicKey: evicted.publicKey }),
    linkSecretKeys: cluster.linkSecretKeys.filter((_, i) => i !== 1),
  }
  // Signer 3 of four is signer 2 of three.
  for (const [dials, dialled, accepts, known] of [
    [context(2), 3, context(2, later), 1],
    [context(1, later), 2, context(3), 2],
  ] as const) {
    const dialler = new Dialler(dials, dialled)
    const acceptor = new Acceptor(accepts)
    const proof = dialler.proof(acceptor.answer(dialler.hello()))
    assert.is(acceptor.dialler(proof).index, known)
  }
  assert.throws(() => new Acceptor(context(2, later)).answer(new Dialler(context(1), 3).hello()), /no signer’s in epoch 1/)
  // Its epoch is under its signature.
  const dialler = new Dialler(context(2), 3)
  const acceptor = new Acceptor(context(2, later))
  const moved = changed(dialler.hello(), (fields) => fields.set('epoch', 7))
  assert.throws(() => dialler.proof(acceptor.answer(moved)), /signature is not valid/)
})

test('without the link key nobody is believed', () => {
  const liar = new Dialler(context(1, cluster, 2), 3)
  const acceptor = new Acceptor(context(3))
  const proof = liar.proof(acceptor.answer(liar.hello()))
  assert.throws(() => acceptor.dialler(proof), /dialler's signature is not valid/)
  const dialler = new Dialler(context(1), 3)
  assert.throws(() => dialler.proof(new Acceptor(context(3, cluster, 2)).answer(dialler.hello())), /acceptor's signature is not valid/)
})

test('roles, indexes and keys must be those of the manifest', () => {
  const identity = (change: (self: Map<string, Plain>) => void) =>
    changed(new Dialler(context(1), 3).hello(), (fields) => change(fields.get('self') as Map<string, Plain>))
  const answer = (hello: Uint8Array) => () => new Acceptor(context(3)).answer(hello)
  assert.throws(answer(identity((self) => self.set('role', 'peer'))), /role “peer”/)
  assert.throws(answer(identity((self) => self.set('role', 'king'))), /not one of signer, peer/)
  assert.throws(answer(identity((self) => self.set('index', 4))), /not in the manifest/)
  assert.throws(answer(identity((self) => self.set('index', null))), /not in the manifest/)
  assert.throws(answer(identity((self) => self.set('index', 2))), /not that of signer 2/)
  assert.throws(answer(identity((self) => self.set('key', new Uint8Array(32)))), /not that of signer 1/)
  assert.throws(answer(new Dialler(context(1), 2).hello()), /wants another signer/)
  assert.throws(answer(new Dialler(context(3), 3).hello()), /this very signer/)
})

/** What a peer with a key of its own brings. */
function stranger(key: number, identity?: Partial<Identity>): HandshakeContext {
  const linkSecretKey = new Uint8Array(32).fill(key)
  return { ...context(1), self: { ...peerIdentity(nodeEd25519.publicKey(linkSecretKey)), ...identity }, linkSecretKey }
}

test('a peer shakes hands with a key that nobody knows, where peers are served', () => {
  const dialler = new Dialler(stranger(9), 3)
  const acceptor = new Acceptor(context(3), 'peer')
  const proof = dialler.proof(acceptor.answer(dialler.hello()))
  const known = acceptor.dialler(proof)
  assert.equal([known.role, known.index, toHex(known.key)], ['peer', null, toHex(stranger(9).self.key)])
  dialler.welcomed(acceptor.welcome())
})

test('a peer must hold the key that it names; signers come as signers, and no signer’s key is a peer’s', () => {
  const thief = new Dialler({ ...stranger(9), linkSecretKey: new Uint8Array(32).fill(8) }, 3)
  const acceptor = new Acceptor(context(3), 'peer')
  const proof = thief.proof(acceptor.answer(thief.hello()))
  assert.throws(() => acceptor.dialler(proof), /dialler's signature is not valid/)
  const answer = (of: HandshakeContext) => () => new Acceptor(context(3), 'peer').answer(new Dialler(of, 3).hello())
  assert.throws(answer(context(1)), /role “signer” are not served here/)
  assert.throws(answer(stranger(9, { index: 2 })), /a peer has no index/)
  assert.throws(answer({ ...context(1), self: peerIdentity(context(1).self.key) }), /its key is that of signer 1/)
  assert.throws(() => new Acceptor(context(3)).answer(new Dialler(stranger(9), 3).hello()), /role “peer” are not served here/)
})

test('a peer speaks to nobody but the signer that it dials', () => {
  const dialler = new Dialler(stranger(9), 3)
  assert.throws(() => dialler.proof(new Acceptor(context(3, cluster, 2), 'peer').answer(dialler.hello())), /acceptor's signature is not valid/)
  const other = new Acceptor(context(2), 'peer').answer(new Dialler(stranger(9), 2).hello())
  assert.throws(() => dialler.proof(other), /not the signer that was dialled/)
})

test('an answer of another signer than the one dialled is refused', () => {
  const dialler = new Dialler(context(1), 3)
  const answer = new Acceptor(context(2)).answer(new Dialler(context(1), 2).hello())
  assert.throws(() => dialler.proof(answer), /not the signer that was dialled/)
})

test('a recorded handshake cannot be replayed to either side', () => {
  const dialler = new Dialler(context(1), 3)
  const acceptor = new Acceptor(context(3))
  const hello = dialler.hello()
  const answer = acceptor.answer(hello)
  const proof = dialler.proof(answer)
  const again = new Acceptor(context(3))
  again.answer(hello)
  assert.throws(() => again.dialler(proof), /signature is not valid/)
  assert.throws(() => new Dialler(context(1), 3).proof(answer), /signature is not valid/)
})

test('what one side signed does not serve as the signature of the other', () => {
  // The liar sends everything back to the one who sent it.
  const dialler = new Dialler(context(1), 3)
  const hello = dialler.hello()
  assert.throws(() => new Acceptor(context(1)).answer(hello), /wants another signer/)
  assert.throws(() => dialler.proof(hello), /“hello” came where “answer” belongs/)
  const acceptor = new Acceptor(context(3))
  const answer = acceptor.answer(hello)
  const signature = (decodeCbor(answer, HANDSHAKE_BYTES) as Map<string, Plain>).get('signature') ?? null
  const reflected = encodeCbor(
    new Map<string, Plain>([
      ['type', 'proof'],
      ['signature', signature],
    ]),
  )
  assert.throws(() => acceptor.dialler(reflected), /signature is not valid/)
})

test('a liar between two parallel handshakes gets in nowhere', () => {
  // 1 dials the liar, who says to be 3 and passes 1's nonce on to the real 3 as its own, under 1's name.
  const victim = new Dialler(context(1), 3)
  const real = new Acceptor(context(3))
  const answer = real.answer(victim.hello())
  const other = new Acceptor(context(3))
  other.answer(victim.hello())
  assert.throws(() => other.dialler(victim.proof(answer)), /signature is not valid/)
})

test('messages out of turn are refused', () => {
  const dialler = new Dialler(context(1), 3)
  const acceptor = new Acceptor(context(3))
  assert.throws(() => acceptor.answer(acceptor.welcome()), /“welcome” came where “hello” belongs/)
  const answer = acceptor.answer(dialler.hello())
  assert.throws(() => dialler.welcomed(answer), /“answer” came where “welcome” belongs/)
  assert.throws(() => new Acceptor(context(3)).dialler(dialler.proof(answer)), /before the hello/)
})

test('any changed byte of any message is refused with a typed error', () => {
  const seed = Date.now()
  const random = new SeededRandom(seed)
  const damaged = (message: Uint8Array) => {
    const copy = message.slice()
    const at = random.upTo(copy.length - 1)
    copy[at] = (copy[at] ?? 0) ^ (1 << random.upTo(7))
    return random.upTo(4) === 0 ? copy.subarray(0, at) : copy
  }
  for (let round = 0; round < 150; round++) {
    const dialler = new Dialler(context(1), 3)
    const acceptor = new Acceptor(context(3))
    const which = round % 3
    try {
      const hello = dialler.hello()
      const answer = acceptor.answer(which === 0 ? damaged(hello) : hello)
      const proof = dialler.proof(which === 1 ? damaged(answer) : answer)
      acceptor.dialler(which === 2 ? damaged(proof) : proof)
    } catch (error) {
      assert.match((error as { code?: string }).code ?? '', /^(CHECK_FAILED|BAD_ENCODING)$/, `seed ${seed}: ${error}`)
      continue
    }
    assert.unreachable(`seed ${seed}, round ${round}: let in`)
  }
})

test.run()
