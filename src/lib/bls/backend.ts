/**
 * The ports for signatures: `Bls` (§2, what many say) and `Ed25519` (link and client keys, what one says alone). Both are synchronous and
 * given to the core from outside. Bytes from others never make them throw: malformed means `false` or `undefined`.
 */

/** Signers who signed one message: an operand of an aggregate's verification. */
export interface SignedBy {
  /** What was signed: any bytes; in the protocol always a statement's digest of 32 bytes. */
  message: Uint8Array
  /** Compressed public keys (48 bytes), at least one. */
  publicKeys: readonly Uint8Array[]
}

/**
 * BLS12-381 with public keys in G1 and signatures in G2, ciphersuite `BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_`
 * (draft-irtf-cfrg-bls-signature-05). Aggregates are sound only among keys whose proofs of possession were checked.
 */
export interface Bls {
  readonly name: 'noble' | 'blst' | 'fake'
  /** The public key (48 bytes) of a secret key (32 bytes, 0 < key < r). Errors: `BAD_INPUT` on any other secret key. */
  publicKey(secretKey: Uint8Array): Uint8Array
  /** A signature, 96 bytes. Errors: `BAD_INPUT` on a bad secret key. */
  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array
  /**
   * Whether these are 48 bytes of a canonical point of the right subgroup, not infinity. Accepted keys are remembered by array identity:
   * whoever holds such an array must not write to it.
   */
  isPublicKey(bytes: Uint8Array): boolean
  /** Whether these are 96 bytes of a canonical point of the right subgroup, not infinity. */
  isSignature(bytes: Uint8Array): boolean
  /** The sum of signatures; `undefined` if there are none, one is malformed, outside the subgroup or infinity, or the sum is infinity. */
  aggregate(signatures: readonly Uint8Array[]): Uint8Array | undefined
  /**
   * Verifies an aggregate with one pairing for each part and one more. `false` for no parts, a part without keys, two parts with equal
   * messages, a bad key, a bad, infinite or wrong signature.
   */
  verify(parts: readonly SignedBy[], signature: Uint8Array): boolean
  /** Verifies many independent aggregates of one message each at once with random 64-bit coefficients: true only if each holds. Empty: true. */
  verifyAll(items: readonly (SignedBy & { signature: Uint8Array })[]): boolean
}

/**
 * Ed25519 (RFC 8032): strict decoding, no public key and no R of small order, cofactorless equation, so that every implementation gives the same
 * verdict on the same bytes.
 */
export interface Ed25519 {
  /** The public key (32 bytes) of a secret seed (32 bytes). */
  publicKey(secretKey: Uint8Array): Uint8Array
  /** A signature, 64 bytes. */
  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

/** All the signing that the core is given. */
export interface Crypto {
  bls: Bls
  ed25519: Ed25519
}
