/** Several frames in one WebSocket message: each stands behind its length (4 bytes, big-endian). Owns packing, unpacking and their limits. */
import { MusigError } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'

const PREFIX_BYTES = 4

/** Bytes of the largest WebSocket message: one frame of the largest size, with its length. */
export const PACKED_BYTES = LIMITS.messageBytes + PREFIX_BYTES

/** What one WebSocket message may hold. */
export interface PackLimits {
  bytes: number
  frames: number
}

/** What signers send. */
export const SIGNER_PACK: PackLimits = { bytes: PACKED_BYTES, frames: 4096 }

/** What peers send: they only ask, the most in one message where they name the keys of a whole batch. */
export const PEER_PACK: PackLimits = { bytes: 256 * 1024, frames: 16 }

/** Bytes that a frame takes in a message. */
export function packedLength(frame: Uint8Array): number {
  return PREFIX_BYTES + frame.length
}

/** Puts frames together, in their order, into as few messages as the limits allow. A frame is 1 byte to what fits into one message. */
export function pack(frames: readonly Uint8Array[], limits: PackLimits = SIGNER_PACK): Uint8Array[] {
  const messages: Uint8Array[] = []
  let first = 0
  let length = 0
  frames.forEach((frame, i) => {
    if (length + packedLength(frame) > limits.bytes || i - first === limits.frames) {
      messages.push(packOne(frames.slice(first, i), length))
      first = i
      length = 0
    }
    length += packedLength(frame)
  })
  if (length > 0) messages.push(packOne(frames.slice(first), length))
  return messages
}

function packOne(frames: readonly Uint8Array[], length: number): Uint8Array {
  const message = new Uint8Array(length)
  const view = new DataView(message.buffer)
  let at = 0
  for (const frame of frames) {
    view.setUint32(at, frame.length)
    message.set(frame, at + PREFIX_BYTES)
    at += packedLength(frame)
  }
  return message
}

/** Takes a message apart. The frames are copies, so that a kept one does not hold the socket's buffer. Errors: `BAD_ENCODING` if it is not made of frames. */
export function unpack(message: Uint8Array, limits: PackLimits = SIGNER_PACK): Uint8Array[] {
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  const frames: Uint8Array[] = []
  for (let at = 0; at < message.length; ) {
    if (message.length - at < PREFIX_BYTES) malformed('ends within a length')
    const length = view.getUint32(at)
    at += PREFIX_BYTES
    if (length === 0) malformed('holds an empty frame')
    if (length > message.length - at) malformed('ends within a frame')
    if (frames.length === limits.frames) malformed(`holds more than ${limits.frames} frames`)
    frames.push(new Uint8Array(message.subarray(at, at + length)))
    at += length
  }
  if (frames.length === 0) malformed('holds no frame')
  return frames
}

function malformed(problem: string): never {
  throw new MusigError('BAD_ENCODING', `a message on a link ${problem}`)
}
