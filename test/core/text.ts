/**
 * The protocol's digests and tree a second time, from docs/protocol.md alone, for the tests: plain JSON values in, nothing of the core used. Objects are
 * what a JSON file holds, with bytes as hex; which fields are bytes is said by the field's name.
 */
import { encodeCbor, type Plain } from '../../src/lib/base/cbor.js'
import { sha256 } from '../../src/lib/base/hash.js'

/** A JSON value whose shape is known from the text: any field may be read, and a leaf is taken for text until it is said to be something else. */
export type Json = { readonly [field: string]: Json } & string

const TEXT_FIELDS = new Set(['name', 'region', 'tolerance', 'machine', 'strategy', 'type', 'phase', 'deps', 'role', 'signedBy', 'keys', 'receipt'])

export const unhex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The plain form for CBOR: text stays text in the fields that hold text, everything else that is a string is bytes. */
export function plainOf(value: unknown, field = ''): Plain {
  if (typeof value === 'string') return TEXT_FIELDS.has(field) ? value : unhex(value)
  if (Array.isArray(value)) return value.map((item) => plainOf(item, field))
  if (typeof value === 'object' && value !== null) return new Map(Object.entries(value).map(([name, item]) => [name, plainOf(item, name)]))
  return value as Plain
}

/** SHA-256(tag ‖ 0 ‖ clusterId ‖ CBOR) (§4). */
export function statement(tag: string, clusterId: string, content: unknown): string {
  return hex(sha256(Buffer.concat([Buffer.from(`musig/v1/${tag}\0`), unhex(clusterId), encodeCbor(plainOf(content))])))
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** An object without some of its fields. */
export function omit(value: Json, ...fields: string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !fields.includes(name))) as Json
}

/** The permutation of §6. */
export function permutationByText(clusterId: string, batchId: string, root: number, regions: readonly string[], strategy: string): number[] {
  const seed = sha256(Buffer.concat([Buffer.from('musig/v1/tree\0'), unhex(clusterId), unhex(batchId)]))
  const numbers = (function* () {
    for (let k = 0; ; k++) {
      const block = Buffer.from(sha256(Buffer.concat([seed, u32(k)])))
      for (let at = 0; at < 32; at += 4) yield block.readUInt32BE(at)
    }
  })()
  const p = regions.map((_, i) => i)
  for (let i = p.length - 1; i > 0; i--) {
    let v: number
    do v = numbers.next().value as number
    while (v >= Math.floor(0x100000000 / (i + 1)) * (i + 1))
    const j = v % (i + 1)
    const kept = p[i] as number
    p[i] = p[j] as number
    p[j] = kept
  }
  const placed = [root, ...p.filter((signer) => signer !== root)]
  if (strategy === 'random') return placed
  const order = [...new Set(placed.map((signer) => regions[signer]))]
  return order.flatMap((region) => placed.filter((signer) => regions[signer] === region))
}

/** Parents by signer, from a permutation, by splitting ranges recursively (§6). */
export function parentsByText(permutation: readonly number[], fanout: number): (number | null)[] {
  const parents: (number | null)[] = permutation.map(() => null)
  const split = (range: readonly number[], parent: number | null): void => {
    const [top, ...rest] = range
    if (top === undefined) return
    parents[top] = parent
    let at = 0
    for (let part = 0; part < fanout; part++) {
      const size = Math.ceil((rest.length - at) / (fanout - part))
      split(rest.slice(at, at + size), top)
      at += size
    }
  }
  split(permutation, null)
  return parents
}

/** The members of a bitmap in hex. */
export function members(bitmap: string): number[] {
  return [...unhex(bitmap)].flatMap((byte, i) => [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => 8 * i + bit))
}

/** A list of a JSON document; empty if there is none. */
export function itemsOf<T = Json>(value: unknown): T[] {
  return Array.isArray(value) ? value : []
}

/** An object with some fields set anew. */
export function having(value: Json, fields: object): Json {
  return Object.assign({}, value, fields) as unknown as Json
}
