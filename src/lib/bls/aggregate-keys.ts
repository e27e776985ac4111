/** The sum of public keys, for those who verify elsewhere with one key for many signers. The protocol itself never stores one. */
import { bls12_381 } from '@noble/curves/bls12-381.js'

/** The sum of valid public keys (48 bytes each), 48 bytes; `undefined` if there are none or they cancel out, which only rogue keys do. */
export function aggregatePublicKeys(publicKeys: readonly Uint8Array[]): Uint8Array | undefined {
  const { Point } = bls12_381.G1
  const sum = publicKeys.reduce((total, publicKey) => total.add(Point.fromBytes(publicKey)), Point.ZERO)
  return sum.is0() ? undefined : sum.toBytes(true)
}
