/** Chooses the signing of a process: native where it can be loaded, plain JavaScript otherwise. Never the simulator's fake. */
import { MusigError } from '../base/errors.js'
import type { Crypto } from '../bls/backend.js'
import { noble } from '../bls/noble.js'
import { blst, blstFault } from './blst.js'
import { nodeEd25519 } from './ed25519.js'

/** The signing of a process, and why it is not the native one if that was wanted. */
export interface LoadedCrypto extends Crypto {
  fallbackReason?: string
}

/**
 * Loads `blst`, or `noble` with a `fallbackReason` where the native module cannot be loaded; `choice` asks for one of them and nothing else.
 * Errors: `NOT_FOUND` if `blst` is asked for and cannot be loaded.
 */
export function loadCrypto(choice?: 'blst' | 'noble'): LoadedCrypto {
  if (choice === 'noble') return { bls: noble, ed25519: nodeEd25519 }
  const fault = blstFault()
  if (!fault) return { bls: blst, ed25519: nodeEd25519 }
  if (choice === 'blst') throw new MusigError('NOT_FOUND', `${fault}; --bls noble does without it, more slowly`)
  return { bls: noble, ed25519: nodeEd25519, fallbackReason: `${fault}; using noble, which is some 30 times slower` }
}
