/** Where a crashing signer dies: the shape of a point, and what a signer says about it. Shared by the process and the tests that arm it. */

/** Its place in the tree of the batch; or, where recovery follows, whether it coordinates ballot 1 or only answers. */
export type Role = 'root' | 'inner' | 'leaf' | 'coordinator' | 'follower'

/** The `nth` time that a signer does this with a batch in whose tree it has this role. */
export interface Point {
  role: Role
  /** `append`: records of the batch go to the disk; `send`: a message about it leaves; `receive`: one comes. */
  action: 'append' | 'send' | 'receive'
  /** The type of a record or message. */
  kind: string
  /** From 1. */
  nth: number
  when: 'before' | 'after'
  /** Only with a batch whose ballot 1 this signer coordinates. */
  next?: number
}

/** What the process is told to do at its point. */
export type Order =
  | { type: 'die'; point: Point }
  /** Dies there having told its core about every append of the batch, without having written it: the lie that a store must not tell. */
  | { type: 'lie'; point: Point }
  /** The append there fails, as one on a disk with an error does. */
  | { type: 'fail'; point: Point; code: 'EIO' | 'ENOSPC' }
  /** The append there never ends, for no thread of the process gets anything from the disk any more. */
  | { type: 'hang'; point: Point }
  /** Tells all that it does with the next batch in this role. */
  | { type: 'watch'; role: Role; next?: number }
  /** Every append takes so much longer. */
  | { type: 'slow'; delayMs: number }
  | { type: 'rest' }

/** What the process says. `met` is its last word before the point has its effect. */
export type Said =
  | { type: 'ready' }
  | { type: 'step'; step: string }
  /** `durable`: records of the batch were written; `left`: something about it left; `txIds`: what is in it. */
  | { type: 'met'; point: Point; batchId: string; txIds: string[]; durable: boolean; left: boolean }

/** A point in one line. */
export function nameOf({ role, action, kind, nth, when }: Point): string {
  return `${role}: ${when} ${action} ${kind} ${nth}`
}

/** Of what is done with each of the other signers, so many times are gone through. */
const MOST_TIMES = 2

/** The points that a step is: dying before and after it, or after it was received. */
export function pointsOf(role: Role, step: string): Point[] {
  const [word, kind = '', nth] = step.split(' ')
  const action = (['append', 'send', 'receive'] as const).find((known) => known === word)
  if (!action || Number(nth) > MOST_TIMES) return []
  const point = { role, action, kind, nth: Number(nth) }
  return action === 'receive' ? [{ ...point, when: 'after' }] : (['before', 'after'] as const).map((when) => ({ ...point, when }))
}
