/**
 * Crypto that is counted for each signer, and remembered for all: a thousand signers check one and the same certificate, and in one process it is
 * enough to have computed that once. What is counted is what each signer asked for.
 */
import { equalBytes } from '../base/bytes.js'
import type { Bls, Crypto, Ed25519, SignedBy } from '../bls/backend.js'

/** What one signer asked of its crypto. */
export interface CryptoCounts {
  /** BLS signatures made. */
  signatures: number
  /** BLS aggregates verified. */
  verifications: number
  /** Pairings that these verifications cost (§2). */
  pairings: number
  linkSignatures: number
  linkVerifications: number
}

export const noCounts = (): CryptoCounts => ({ signatures: 0, verifications: 0, pairings: 0, linkSignatures: 0, linkVerifications: 0 })

/** The same crypto, counting into `counts`. */
export function countedCrypto(crypto: Crypto, counts: CryptoCounts): Crypto {
  const { bls, ed25519 } = crypto
  return {
    bls: {
      ...bls,
      sign(secretKey, message) {
        counts.signatures++
        return bls.sign(secretKey, message)
      },
      verify(parts, signature) {
        counts.verifications++
        counts.pairings += parts.length + 1
        return bls.verify(parts, signature)
      },
      verifyAll(items) {
        counts.verifications += items.length
        counts.pairings += items.length > 0 ? items.length + 1 : 0
        return bls.verifyAll(items)
      },
    },
    ed25519: {
      ...ed25519,
      sign(secretKey, message) {
        counts.linkSignatures++
        return ed25519.sign(secretKey, message)
      },
      verify(publicKey, message, signature) {
        counts.linkVerifications++
        return ed25519.verify(publicKey, message, signature)
      },
    },
  }
}

interface Verdict {
  parts: readonly SignedBy[]
  holds: boolean
}

/** The same crypto, which answers from memory where one signature array is checked again over the same messages and keys. */
export function rememberingCrypto({ bls, ed25519 }: Crypto): Crypto {
  return { bls: rememberingBls(bls), ed25519: rememberingEd25519(ed25519) }
}

function rememberingBls(bls: Bls): Bls {
  const verdicts = new WeakMap<Uint8Array, Verdict[]>()
  const wellFormed = new WeakMap<Uint8Array, boolean>()
  return {
    ...bls,
    isSignature(bytes) {
      const known = wellFormed.get(bytes)
      if (known !== undefined) return known
      const answer = bls.isSignature(bytes)
      wellFormed.set(bytes, answer)
      return answer
    },
    verify(parts, signature) {
      const known = verdicts.get(signature) ?? []
      const same = known.find((verdict) => sameParts(verdict.parts, parts))
      if (same) return same.holds
      const holds = bls.verify(parts, signature)
      verdicts.set(signature, [...known, { parts, holds }])
      return holds
    },
  }
}

function sameParts(a: readonly SignedBy[], b: readonly SignedBy[]): boolean {
  return a.length === b.length && a.every((part, i) => samePart(part, b[i] ?? part))
}

/** Keys are compared by identity: they come from one manifest. */
function samePart(a: SignedBy, b: SignedBy): boolean {
  if (a.publicKeys.length !== b.publicKeys.length || !equalBytes(a.message, b.message)) return false
  for (let i = 0; i < a.publicKeys.length; i++) if (a.publicKeys[i] !== b.publicKeys[i]) return false
  return true
}

function rememberingEd25519(ed25519: Ed25519): Ed25519 {
  const verdicts = new WeakMap<Uint8Array, { publicKey: Uint8Array; message: Uint8Array; holds: boolean }[]>()
  return {
    ...ed25519,
    verify(publicKey, message, signature) {
      const known = verdicts.get(signature) ?? []
      const same = known.find((verdict) => verdict.publicKey === publicKey && equalBytes(verdict.message, message))
      if (same) return same.holds
      const holds = ed25519.verify(publicKey, message, signature)
      verdicts.set(signature, [...known, { publicKey, message, holds }])
      return holds
    },
  }
}
