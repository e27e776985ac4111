/**
 * Invariant E1: an epoch ends at one point of the order. The batches executed before a change of the signers are the same at everyone who has executed it, nothing
 * of its epoch is executed behind it, and each epoch begins with the same change everywhere. From the history alone.
 */
import type { Id } from '../base/bytes.js'
import type { History, SignerHistory, Violation } from './history.js'
import { endName, short } from './past.js'

/** The key of changes, as the protocol's text has it. */
const EPOCH_KEY = 'musig:epoch'

/** What breaks E1 in a run. */
export function epochViolations(history: History): Violation[] {
  const ends = new Map<number, { change: Id; before: ReadonlySet<Id>; who: number }>()
  const texts = [...history.signers, ...history.peers].flatMap((follower) =>
    epochsOf(history, follower).flatMap(({ epoch, change, before, behind }) => {
      const name = endName(follower.signer, history.n)
      const faults = behind.map((id) => `${name} executed ${short(id)} of epoch ${epoch} behind the change that ends it`)
      const known = ends.get(epoch)
      if (!known) ends.set(epoch, { change, before, who: follower.signer })
      else if (known.change !== change)
        faults.push(`${name} ended epoch ${epoch} with ${short(change)}, ${endName(known.who, history.n)} with ${short(known.change)}`)
      else {
        const missing = [...known.before].find((id) => !before.has(id)) ?? [...before].find((id) => !known.before.has(id))
        if (missing !== undefined)
          faults.push(
            `${short(missing)} is before the end of epoch ${epoch} at one of ${name} and ${endName(known.who, history.n)}, and not at the other`,
          )
      }
      return faults
    }),
  )
  return texts.map((text) => ({ id: 'E1', text }))
}

interface Ended {
  epoch: number
  change: Id
  /** Of this epoch, executed before the change, and behind it. */
  before: Set<Id>
  behind: Id[]
}

/** The epochs that a follower has ended. */
function epochsOf({ batches }: History, { executed }: SignerHistory): Ended[] {
  return executed.flatMap(({ batchId }, place) => {
    const batch = batches.get(batchId)
    if (!batch?.keys.includes(EPOCH_KEY)) return []
    const isOfIt = ({ batchId: id }: { batchId: Id }): boolean => batches.get(id)?.epoch === batch.epoch
    const before = executed.slice(0, place).filter(isOfIt)
    const behind = executed.slice(place + 1).filter(isOfIt)
    return [{ epoch: batch.epoch, change: batchId, before: new Set(before.map((one) => one.batchId)), behind: behind.map((one) => one.batchId) }]
  })
}
