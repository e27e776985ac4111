/** What signers are seen to say, put together by what it is: whoever is under two different things is looked at. Owns the bounds of that memory. */
import { includesAll, membersOf, overlaps, unionOf } from '../base/bitmap.js'
import type { Id } from '../base/bytes.js'

/** Parts kept that say one thing. */
const HELD_PER_STATEMENT = 16
/** Different things said about one batch, of one kind. */
const STATEMENTS_PER_BATCH = 256

/** A part of a message that holds statements, and who sent it. Its signatures are looked at once, when something contradicts it. */
export interface Held<T> {
  from: number
  signers: Uint8Array
  part: T
  isSound?: boolean
}

/** Everything that says one thing. */
export interface Said<T> {
  held: Held<T>[]
}

/** Whether one of these signers is under it. What turned out unsound has no signers any more. */
export function isUnder<T>({ held }: Said<T>, signers: Uint8Array): boolean {
  return held.some((one) => overlaps(one.signers, signers))
}

/** The signers of both. */
export function common(one: { signers: Uint8Array }, other: { signers: Uint8Array }): number[] {
  return membersOf(one.signers.map((byte, i) => byte & (other.signers[i] ?? 0)))
}

/** What was said in one ballot. */
export function inBallot<T>(map: Map<number, Map<Id, T>>, ballot: number): Map<Id, T> {
  let found = map.get(ballot)
  if (found) return found
  found = new Map()
  if (map.size < STATEMENTS_PER_BATCH) map.set(ballot, found)
  return found
}

/** Whether all of these are known to say this. */
export function isCovered<T>(statements: ReadonlyMap<Id, Said<T>>, digest: Id, signers: Uint8Array): boolean {
  const said = statements.get(digest)
  if (!said) return false
  const none: Uint8Array = new Uint8Array(signers.length)
  return includesAll(
    said.held.reduce((all, held) => unionOf(all, held.signers), none),
    signers,
  )
}

/** What some of these signers are said to have said besides. */
export function* contradicting<T>(statements: ReadonlyMap<Id, Said<T>>, digest: Id, signers: Uint8Array): Generator<Held<T>> {
  for (const [other, said] of statements) {
    if (other === digest) continue
    for (const held of said.held) if (overlaps(held.signers, signers)) yield held
  }
}

/** Remembers a part under what it says, within limits; false where there is no room, or the part is unsound. */
export function keep<T, M extends object>(statements: Map<Id, Said<T> & M>, digest: Id, held: Held<T>, more: M): boolean {
  if (held.isSound === false) return false
  const said = statements.get(digest)
  if (!said) {
    if (statements.size >= STATEMENTS_PER_BATCH) return false
    statements.set(digest, { held: [held], ...more })
    return true
  }
  said.held = said.held.filter(({ isSound }) => isSound !== false)
  if (said.held.length >= HELD_PER_STATEMENT) return false
  said.held.push(held)
  return true
}
