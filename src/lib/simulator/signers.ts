/** The signers of a run: their keys, always the same for the same index, and the manifest that binds them. Made once for each setting. */
import { compareBytes } from '../base/bytes.js'
import { SeededRandom } from '../base/prng.js'
import type { Crypto } from '../bls/backend.js'
import { LOCAL_TIMING, type Manifest, makeManifest, parseTolerance, signerEntry, type Timing } from '../core/manifest.js'
import type { Scenario } from './scenario.js'

/** A signer's two secret keys. */
export interface SecretKeys {
  bls: Uint8Array
  link: Uint8Array
}

/** What the manifest of a run is made from. */
export interface SignersOptions {
  n: number
  tolerance: string
  deltaMs: number
  fanout: number
  /** A region for each signer, or none. */
  regions: readonly string[]
  /** Whether the tree looks at them. Default: it does. */
  tree?: Scenario['tree']
  timing: Partial<Timing>
  /** Signers that have no seat in the manifest, and may be admitted. */
  spare?: number
}

/** A manifest and the secret keys of its signers, by index; behind them those of the spare ones. */
export interface Signers {
  manifest: Manifest
  keys: SecretKeys[]
  /** The public keys that go with them. */
  publicKeys: Uint8Array[]
}

const made = new WeakMap<object, Map<string, Signers>>()

/** Makes keys and manifest. Repeatable; remembered for each backend. */
export function signersOf(crypto: Crypto, options: SignersOptions): Signers {
  const known = made.get(crypto.bls) ?? new Map<string, Signers>()
  made.set(crypto.bls, known)
  const name = JSON.stringify(options)
  let signers = known.get(name)
  if (!signers) {
    signers = makeSigners(crypto, options)
    known.set(name, signers)
  }
  return signers
}

function makeSigners(crypto: Crypto, { n, tolerance, deltaMs, fanout, regions, tree = 'regional', timing, spare = 0 }: SignersOptions): Signers {
  const random = new SeededRandom('simulated signers')
  const unordered = Array.from({ length: n }, () => ({ bls: secretKey(random), link: random.bytes(32) }))
  const keys = unordered
    .map((pair) => ({ pair, publicKey: crypto.bls.publicKey(pair.bls) }))
    .sort((a, b) => compareBytes(a.publicKey, b.publicKey))
    .map(({ pair }) => pair)
  const manifest = makeManifest({
    name: 'simulation',
    epoch: 0,
    tolerance: parseTolerance(tolerance),
    deltaMs,
    machine: 'mixing',
    test: true,
    tree: { strategy: regions.length > 0 ? tree : 'random', fanout },
    window: 4,
    timing: { ...LOCAL_TIMING, ...timing },
    signers: keys.map(({ bls, link }, i) => signerEntry(crypto, bls, link, `signer-${i}`, regions[i % Math.max(1, regions.length)] ?? '')),
  })
  const all = [...keys, ...Array.from({ length: spare }, () => ({ bls: secretKey(random), link: random.bytes(32) }))]
  return { manifest, keys: all, publicKeys: all.map(({ bls }) => crypto.bls.publicKey(bls)) }
}

/** 32 bytes, above zero and below the order of the group. */
function secretKey(random: SeededRandom): Uint8Array {
  const key = random.bytes(32)
  key[0] = 0
  key[31] = (key[31] ?? 0) | 1
  return key
}
