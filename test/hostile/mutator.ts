/**
 * Makes hostile bytes out of good ones, from a seed: changed in the bytes themselves, or in the shape that they encode (CBOR or JSON), where what a plain
 * value cannot say (a tag, NaN, a key that stands twice, a length of 2⁶⁴) stands in as raw text.
 */
import { decodeCbor } from '../../src/lib/base/cbor.js'
import type { SeededRandom } from '../../src/lib/base/prng.js'

/** How the bytes of an input are made. */
export type Form = 'cbor' | 'json' | 'raw'

/** Nested this deep; no stack may decide what becomes of it. */
const DEEP = 10_000

/** What stands in an input as it is, whatever the encoding would make of it. */
class Raw {
  readonly cbor: Uint8Array
  readonly json: string

  constructor(cbor: string | Uint8Array, json: string) {
    this.cbor = typeof cbor === 'string' ? Uint8Array.from(Buffer.from(cbor, 'hex')) : cbor
    this.json = json
  }
}

type Tree = number | string | boolean | null | Uint8Array | Raw | Tree[] | Map<string, Tree>
type Path = readonly (string | number)[]

const proto = Buffer.from('__proto__').toString('hex')
const NESTED: readonly Raw[] = [
  new Raw(Buffer.concat([Buffer.alloc(DEEP, 0x81), Buffer.of(0x80)]), '['.repeat(DEEP) + ']'.repeat(DEEP)),
  new Raw(Buffer.concat([Buffer.alloc(3 * DEEP, 'a16161', 'hex'), Buffer.of(0)]), `${'{"a":'.repeat(DEEP)}0${'}'.repeat(DEEP)}`),
]
const RAW: readonly Raw[] = [
  new Raw('f97e00', 'NaN'),
  new Raw('fb7ff0000000000000', '1e999'),
  new Raw('fb3ff8000000000000', '1.5'),
  new Raw('fb8000000000000000', '-0'),
  new Raw('f97bff', '1e5'),
  new Raw('c001', '0x1'),
  new Raw('c249010000000000000000', '18446744073709551616'),
  new Raw('d9d9f700', '+1'),
  new Raw('20', '-1'),
  new Raw('3bffffffffffffffff', '-9007199254740993'),
  new Raw('1b0020000000000000', '9007199254740992'),
  new Raw('1bffffffffffffffff', '18446744073709551615'),
  new Raw('1800', '0.0'),
  new Raw('1b0000000000000001', '01'),
  new Raw('5800', '"\\u0000"'),
  new Raw('9800', '[,]'),
  new Raw('9fff', '[0,]'),
  new Raw('bfff', '{,}'),
  new Raw('5f4100ff', "''"),
  new Raw('7f6161ff', '"\\'),
  new Raw('9bffffffffffffffff', '['),
  new Raw('bb00000000ffffffff', '{'),
  new Raw('5b00000000ffffffff', '"'),
  new Raw('7affffffff', '"\\u12'),
  new Raw('62c328', '"\u00c3("'),
  new Raw('63eda080', '"\\ud800"'),
  new Raw('64efbbbf61', '"\\ufeffa"'),
  new Raw('a2616100616101', '{"a":0,"a":1}'),
  new Raw('a2616200616100', '{"b":0,"a":0}'),
  new Raw('a10000', '{0:0}'),
  new Raw(`a169${proto}a0`, '{"__proto__":{"type":"fast"}}'),
  new Raw(`69${proto}`, '"__proto__"'),
  new Raw('f7', 'undefined'),
  new Raw('f6', 'null'),
  new Raw('f8ff', 'nul'),
  new Raw('e0', 'True'),
  new Raw('ff', ']'),
  new Raw('', ''),
  new Raw('0000', '0 0'),
]
const NUMBERS = [0, 1, 23, 24, 255, 256, 4096, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]
const TEXTS = [
  '',
  '__proto__',
  'constructor',
  'toString',
  'type',
  'a'.repeat(129),
  'é',
  'e\u0301',
  '\ufeff',
  '\u0000',
  '💣',
  '../../etc/passwd',
  '-1',
]

/** An input to make others from: its bytes, its tree if it has one, and the place of everything in it. */
interface Seed {
  bytes: Uint8Array
  tree: Tree | undefined
  paths: Path[]
}

/** Makes inputs of one form from good ones. */
export class Mutator {
  readonly #form: Form
  readonly #random: SeededRandom
  readonly #seeds: Seed[]

  constructor(form: Form, seeds: readonly Uint8Array[], random: SeededRandom) {
    this.#form = form
    this.#random = random
    this.#seeds = seeds.map((bytes) => {
      const tree = form === 'raw' ? undefined : form === 'cbor' ? (decodeCbor(bytes, 2 ** 24) as Tree) : treeOfJson(bytes)
      return { bytes, tree, paths: tree === undefined ? [] : [...pathsOf(tree)] }
    })
  }

  /** One hostile input, seldom a good one. */
  next(): Uint8Array {
    const seed = this.#random.pick(this.#seeds)
    if (seed.tree === undefined || this.#random.upTo(2) === 0) return this.#changedBytes(seed.bytes)
    let { tree } = seed
    for (let left = 1 + this.#random.upTo(this.#random.upTo(3) === 0 ? 2 : 0); left > 0; left--) {
      const path = seed.paths.length > 0 ? this.#random.pick(seed.paths) : []
      tree = changedAt(tree, path, (part) => this.#part(part))
    }
    return this.#written(tree)
  }

  /** A large input of at most `maxBytes`: something of a good one, many times. */
  giant(maxBytes: number): Uint8Array {
    const seed = this.#random.pick(this.#seeds)
    const path = seed.paths.length > 0 ? this.#random.pick(seed.paths) : []
    const { tree } = seed
    if (tree === undefined) return repeated(seed.bytes, maxBytes)
    const room = Math.max(1, maxBytes - 2 * seed.bytes.length)
    const much = (part: Tree): Tree => {
      if (Array.isArray(part)) return copies(part.length > 0 ? part : [0], room, (item) => this.#written(item).length + 1)
      if (part instanceof Map) return new Map(Array.from({ length: Math.floor(room / 16) }, (_, i) => [`k${i}`, this.#random.upTo(9)]))
      if (part instanceof Uint8Array) return new Uint8Array(this.#form === 'json' ? room >> 1 : room)
      if (typeof part === 'string')
        return this.#random
          .pick(['a', 'é', 'ab'.repeat(16)])
          .repeat(room)
          .slice(0, room >> 1)
      const depth = room >> 1
      return new Raw(Buffer.alloc(depth, 0x81), '['.repeat(depth) + ']'.repeat(depth))
    }
    return this.#written(changedAt(tree, path, much)).slice(0, maxBytes)
  }

  #part(part: Tree): Tree {
    const random = this.#random
    switch (random.upTo(9)) {
      case 0:
      case 1:
        return random.pick(random.upTo(399) === 0 ? NESTED : RAW)
      case 2: {
        const other = random.pick(this.#seeds)
        return other.tree === undefined || other.paths.length === 0 ? part : partAt(other.tree, random.pick(other.paths))
      }
      case 3:
        return random.pick([null, true, '', [], new Map<string, Tree>(), new Uint8Array(0), random.pick(NUMBERS), random.pick(TEXTS)])
      default:
        return this.#likewise(part)
    }
  }

  /** Something of the same kind. */
  #likewise(part: Tree): Tree {
    const random = this.#random
    if (typeof part === 'number') return random.pick([part + 1, Math.max(0, part - 1), random.pick(NUMBERS)])
    if (typeof part === 'string')
      return /^[0-9a-f]{4,}$/.test(part) ? this.#hex(part) : random.pick([`${part}x`, part.slice(1), part.toUpperCase(), ...TEXTS])
    if (part instanceof Uint8Array) return this.#changedBytes(part)
    if (typeof part === 'boolean') return !part
    if (Array.isArray(part)) {
      const [first = 0] = part
      return random.pick([part.slice(1), [...part, ...part], [...part].reverse(), [...part, first], Array.from({ length: 300 }, () => first)])
    }
    if (part instanceof Map) {
      const entries = [...part]
      const [name, value] = entries[random.upTo(Math.max(0, entries.length - 1))] ?? ['a', 0]
      const without = entries.filter(([each]) => each !== name)
      return new Map(random.pick([without, [...without, [random.pick(TEXTS), value]], [...entries, [random.pick(TEXTS), 0]], [...entries].reverse()]))
    }
    return random.pick(RAW)
  }

  #hex(text: string): string {
    const at = this.#random.upTo(text.length - 1)
    const other = this.#random.pick(['0', 'f', 'A', 'g', ''])
    return text.slice(0, at) + other + text.slice(at + 1)
  }

  #changedBytes(bytes: Uint8Array): Uint8Array {
    const random = this.#random
    const at = random.upTo(bytes.length)
    const to = at + random.upTo(Math.min(16, bytes.length - at))
    switch (random.upTo(6)) {
      case 0:
        return bytes.slice(0, at)
      case 1:
        return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.upTo(8)), bytes.subarray(at)])
      case 2:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)])
      case 3:
        return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)])
      case 4: {
        const other = random.pick(this.#seeds).bytes
        return Buffer.concat([bytes.subarray(0, at), other.subarray(random.upTo(other.length))])
      }
      default: {
        const changed = Uint8Array.from(bytes)
        for (let left = 1 + random.upTo(3); left > 0 && changed.length > 0; left--) {
          const place = random.upTo(changed.length - 1)
          changed[place] = random.pick([(changed[place] ?? 0) ^ (1 << random.upTo(7)), 0, 255, random.upTo(255)])
        }
        return changed
      }
    }
  }

  #written(tree: Tree): Uint8Array {
    if (this.#form === 'json') return new Uint8Array(Buffer.from(jsonOf(tree)))
    const parts: Uint8Array[] = []
    writeCbor(tree, this.#random.upTo(7) > 0, parts)
    return Buffer.concat(parts)
  }
}

function* pathsOf(tree: Tree, path: Path = []): Generator<Path> {
  yield path
  if (Array.isArray(tree)) for (const [i, item] of tree.entries()) yield* pathsOf(item, [...path, i])
  else if (tree instanceof Map) for (const [name, item] of tree) yield* pathsOf(item, [...path, name])
}

function partAt(tree: Tree, path: Path): Tree {
  return path.reduce<Tree>(
    (part, step) => (Array.isArray(part) ? (part[Number(step)] ?? 0) : part instanceof Map ? (part.get(String(step)) ?? 0) : 0),
    tree,
  )
}

/** A copy with another part at a place; unchanged where the place is gone. */
function changedAt(tree: Tree, path: Path, change: (part: Tree) => Tree): Tree {
  const [step, ...rest] = path
  if (step === undefined) return change(tree)
  if (Array.isArray(tree)) return tree.map((item, i) => (i === step ? changedAt(item, rest, change) : item))
  if (tree instanceof Map) return new Map([...tree].map(([name, item]) => [name, name === step ? changedAt(item, rest, change) : item]))
  return tree
}

function copies(items: readonly Tree[], room: number, size: (item: Tree) => number): Tree[] {
  const all: Tree[] = []
  const sizes = items.map(size)
  for (let left = room, i = 0; left > 0; i++) {
    all.push(items[i % items.length] ?? 0)
    left -= sizes[i % items.length] ?? 1
  }
  return all.slice(0, -1)
}

function repeated(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const times = bytes.length === 0 ? 0 : Math.floor(maxBytes / bytes.length)
  return Buffer.concat(Array.from({ length: times }, () => bytes))
}

function treeOfJson(bytes: Uint8Array): Tree {
  const treeOf = (value: unknown): Tree => {
    if (Array.isArray(value)) return value.map(treeOf)
    if (typeof value === 'object' && value !== null) return new Map(Object.entries(value).map(([name, item]) => [name, treeOf(item)]))
    return value as number | string | boolean | null
  }
  return treeOf(JSON.parse(Buffer.from(bytes).toString('utf8')))
}

function jsonOf(tree: Tree): string {
  if (tree instanceof Raw) return tree.json
  if (tree instanceof Uint8Array) return `"${Buffer.from(tree).toString('hex')}"`
  if (Array.isArray(tree)) return `[${tree.map(jsonOf).join(',')}]`
  if (tree instanceof Map) return `{${[...tree].map(([name, item]) => `${JSON.stringify(name)}:${jsonOf(item)}`).join(',')}}`
  return JSON.stringify(tree)
}

/** CBOR in its deterministic form where `sorts`, else with maps in the order that they have. */
function writeCbor(tree: Tree, sorts: boolean, parts: Uint8Array[]): void {
  if (tree instanceof Raw) parts.push(tree.cbor)
  else if (typeof tree === 'number') parts.push(head(0, tree))
  else if (typeof tree === 'string') parts.push(head(3, Buffer.byteLength(tree)), Buffer.from(tree))
  else if (typeof tree === 'boolean' || tree === null) parts.push(Uint8Array.of(tree === null ? 0xf6 : tree ? 0xf5 : 0xf4))
  else if (tree instanceof Uint8Array) parts.push(head(2, tree.length), tree)
  else if (Array.isArray(tree)) {
    parts.push(head(4, tree.length))
    for (const item of tree) writeCbor(item, sorts, parts)
  } else {
    parts.push(head(5, tree.size))
    const entries = [...tree].map(([name, item]) => ({ key: encodedKey(name), item }))
    if (sorts) entries.sort((a, b) => Buffer.compare(a.key, b.key))
    for (const { key, item } of entries) {
      parts.push(key)
      writeCbor(item, sorts, parts)
    }
  }
}

const encodedKeys = new Map<string, Uint8Array>()

function encodedKey(name: string): Uint8Array {
  const known = encodedKeys.get(name)
  if (known) return known
  const key = Buffer.concat([head(3, Buffer.byteLength(name)), Buffer.from(name)])
  // The keys of large inputs are as many as there are.
  if (encodedKeys.size < 1000) encodedKeys.set(name, key)
  return key
}

function head(major: number, value: number): Uint8Array {
  const top = major << 5
  if (value < 24) return Uint8Array.of(top | value)
  const bytes = Buffer.alloc(9)
  bytes.writeBigUInt64BE(BigInt(value), 1)
  const length = value < 2 ** 8 ? 1 : value < 2 ** 16 ? 2 : value < 2 ** 32 ? 4 : 8
  const written = Uint8Array.from(bytes.subarray(8 - length))
  written[0] = top | (24 + Math.log2(length))
  return written
}

/** A plain value as the form's bytes: for inputs that are good. */
export function goodJson(value: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(JSON.stringify(value)))
}
