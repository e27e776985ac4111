/** Slander: mutants of valid evidence, field by field and byte by byte; none may be taken for proof. */
import * as assert from 'uvu/assert'
import { fromCbor, fromJson, toCbor, toJson } from '../../src/lib/base/codec.js'
import { MusigError } from '../../src/lib/base/errors.js'
import { SeededRandom } from '../../src/lib/base/prng.js'
import { type Evidence, evidenceCodec, verifyEvidence } from '../../src/lib/core/evidence.js'
import { ID, type Liars } from './evidence-samples.js'

const MAX_BYTES = 1 << 24

/** Every place in a plain document where something single stands. */
function* leaves(plain: unknown, path: (string | number)[] = []): Generator<(string | number)[]> {
  if (Array.isArray(plain)) for (const [i, item] of plain.entries()) yield* leaves(item, [...path, i])
  else if (typeof plain === 'object' && plain !== null) for (const [key, item] of Object.entries(plain)) yield* leaves(item, [...path, key])
  if (path.length > 0) yield path
}

function changed(plain: unknown, path: readonly (string | number)[], change: (value: unknown) => unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return change(plain)
  if (Array.isArray(plain)) return plain.map((item, i) => (i === step ? changed(item, rest, change) : item))
  return Object.fromEntries(Object.entries(plain as object).map(([key, item]) => [key, key === step ? changed(item, rest, change) : item]))
}

const below = (random: SeededRandom, count: number): number => random.upTo(count - 1)

function mutate(value: unknown, random: SeededRandom): unknown {
  if (typeof value === 'number') return value + (below(random, 2) === 0 ? 1 : below(random, 1000) + 1)
  if (typeof value === 'string' && /^([0-9a-f]{2})+$/.test(value)) {
    const at = below(random, value.length)
    const digit = (Number.parseInt(value[at] ?? '0', 16) ^ (1 << below(random, 4))).toString(16)
    return value.slice(0, at) + digit + value.slice(at + 1)
  }
  if (value === null) return { ballot: 1, valueDigest: ID }
  if (Array.isArray(value)) return value.length > 0 && below(random, 2) === 0 ? value.slice(1) : [...value, value[0] ?? ID]
  if (typeof value === 'object') return null
  return `${value}x`
}

/** How often each field of a proof is changed, and how often a byte of each kind of proof. */
export interface Effort {
  eachField: number
  eachKind: number
}

/** Makes mutants of every kind of evidence and fails on the first that is taken; how many there were. */
export function slander(liars: Liars, seed: string, { eachField, eachKind }: Effort): number {
  const codec = evidenceCodec(liars.manifest.clusterId)
  const random = new SeededRandom(`slander/${seed}`)
  const isTaken = (read: () => Evidence): boolean => {
    try {
      return verifyEvidence(liars.crypto, liars.manifest, read()).type === 'guilty'
    } catch (error) {
      if (error instanceof MusigError) return false
      throw error
    }
  }
  let mutants = 0
  for (const { evidence } of liars.samples()) {
    const plain = toJson(codec, evidence)
    assert.ok(
      isTaken(() => fromJson(codec, plain, 'evidence')),
      `${evidence.type} as it is`,
    )
    for (const path of leaves(plain)) {
      for (let i = 0; i < eachField; i++) {
        const mutant = changed(plain, path, (value) => mutate(value, random))
        mutants++
        assert.not.ok(
          isTaken(() => fromJson(codec, mutant, 'evidence')),
          `${evidence.type} with another ${path.join('.')} (seed ${seed}): ${JSON.stringify(mutant)}`,
        )
      }
    }
    const bytes = toCbor(codec, evidence)
    for (let i = 0; i < eachKind; i++) {
      const mutant = bytes.slice()
      const at = below(random, bytes.length)
      mutant[at] = (mutant[at] ?? 0) ^ (1 << below(random, 8))
      mutants++
      assert.not.ok(
        isTaken(() => fromCbor(codec, mutant, MAX_BYTES, 'evidence')),
        `${evidence.type} with byte ${at} changed (seed ${seed})`,
      )
    }
  }
  return mutants
}
