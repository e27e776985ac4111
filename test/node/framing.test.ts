/** Frames in messages: there and back, limits, and bytes that are no frames. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import { PACKED_BYTES, pack, SIGNER_PACK, unpack } from '../../src/lib/node/framing.js'

const test = suite('framing')

test('frames come back in order, as plain bytes of their own', () => {
  const seed = Date.now()
  const random = new SeededRandom(seed)
  for (let round = 0; round < 50; round++) {
    const frames = Array.from({ length: 1 + random.upTo(30) }, () => random.bytes(1 + random.upTo(300)))
    const messages = pack(frames)
    assert.is(messages.length, 1)
    const found = messages.flatMap((message) => unpack(Buffer.from(message)))
    assert.equal(found, frames, `seed ${seed}`)
    assert.ok(found.every((frame) => Object.getPrototypeOf(frame) === Uint8Array.prototype && frame.byteLength === frame.buffer.byteLength))
  }
})

test('what does not fit into one message goes into the next', () => {
  const largest = new Uint8Array(LIMITS.messageBytes).fill(1)
  const messages = pack([Uint8Array.of(1), largest, Uint8Array.of(2)])
  assert.equal(
    messages.map((message) => unpack(message).length),
    [1, 1, 1],
  )
  assert.ok(messages.every((message) => message.length <= PACKED_BYTES))
  const many = pack(Array.from({ length: SIGNER_PACK.frames + 1 }, () => Uint8Array.of(9)))
  assert.equal(
    many.map((message) => unpack(message).length),
    [SIGNER_PACK.frames, 1],
  )
})

test('malformed messages are refused', () => {
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /no frame/],
    [Uint8Array.of(0, 0, 0), /within a length/],
    [Uint8Array.of(0, 0, 0, 0), /empty frame/],
    [Uint8Array.of(0, 0, 0, 2, 1), /within a frame/],
    [Uint8Array.of(255, 255, 255, 255, 1), /within a frame/],
    [Uint8Array.of(0, 0, 0, 1, 1, 0), /within a length/],
    [new Uint8Array(5 * (SIGNER_PACK.frames + 1)).map((_, i) => (i % 5 === 3 ? 1 : 0)), /more than 4096 frames/],
  ]
  for (const [message, words] of cases) assert.throws(() => unpack(message), words)
})

test('random bytes: frames or one typed error', () => {
  const seed = Date.now()
  const random = new SeededRandom(seed)
  for (let round = 0; round < 2000; round++) {
    const message = random.bytes(random.upTo(40)).map((byte) => (random.upTo(2) === 0 ? byte : 0))
    try {
      assert.equal(Buffer.concat(pack(unpack(message))), Buffer.from(message), `seed ${seed}`)
    } catch (error) {
      assert.is((error as { code?: string }).code, 'BAD_ENCODING', `seed ${seed}: ${error}`)
    }
  }
})

test.run()
