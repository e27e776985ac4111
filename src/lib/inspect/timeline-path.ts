/**
 * The critical path of a batch: the chain of moments in which each had to wait for the one before it, from the proposal to the decision. Followed backwards:
 * what was decided waited for the last answer, whoever sent that answer for the last one that it waited for itself, and so on down to a signer's own share, and up again.
 */
import type { PathStep, TimelineMoment, TimelineSigner } from './data.js'

/** A chain longer than this is no chain: clocks that contradict one another would lead round in circles. */
const LONGEST = 256

type Kind = TimelineMoment['what']

/** The path, earliest step first; as much of it as the signers tell, and empty where the decision is not known. */
export function criticalPath(signers: readonly TimelineSigner[], root: number): PathStep[] {
  const moments = new Map(signers.map(({ signer, moments }) => [signer, moments]))
  const decider = deciderOf(signers, root)
  const decided = decider === undefined ? undefined : moments.get(decider)?.find(isDecision)
  if (decider === undefined || !decided) return []
  const way = new Way(moments)
  way.add(decider, decided)
  const ballot = decided.ballot ?? -1
  if (ballot > 0) way.followBallot(decider, ballot, decided.atMs)
  else {
    const ordered =
      ballot === 0
        ? way.followUp(decider, decided.atMs, { received: 'accept received', sent: 'accept sent', own: 'accepted', down: 'ordered' })
        : undefined
    way.followUp(root, ordered ?? decided.atMs, { received: 'vote received', sent: 'vote sent', own: 'voted', down: 'proposed' })
  }
  const executed = moments.get(decider)?.find(({ what }) => what === 'executed')
  const start = moments.get(root)?.find(({ what }) => what === 'proposed')
  const steps = way.steps.reverse()
  if (start && !(steps[0]?.signer === root && steps[0].what === 'proposed')) steps.unshift({ signer: root, what: 'proposed', atMs: start.atMs })
  return [...steps, ...(executed ? [{ signer: decider, what: executed.what, atMs: executed.atMs }] : [])]
}

function isDecision({ what }: TimelineMoment): boolean {
  return what === 'locked' || what === 'certified'
}

/** Who decided by itself, without being told: the root, or a later ballot's coordinator. */
function deciderOf(signers: readonly TimelineSigner[], root: number): number | undefined {
  const decisions = signers.flatMap(({ signer, moments }) => {
    const decision = moments.find(isDecision)
    return decision ? [{ signer, atMs: decision.atMs }] : []
  })
  return decisions.sort((a, b) => a.atMs - b.atMs || Number(b.signer === root) - Number(a.signer === root))[0]?.signer
}

/** What a sweep of the tree is made of. */
interface SweepKinds {
  received: Kind
  sent: Kind
  own: Kind
  down: Kind
}

class Way {
  readonly steps: PathStep[] = []
  readonly #moments: ReadonlyMap<number, readonly TimelineMoment[]>

  constructor(moments: ReadonlyMap<number, readonly TimelineMoment[]>) {
    this.#moments = moments
  }

  add(signer: number, { what, atMs }: TimelineMoment): void {
    this.steps.push({ signer, what, atMs })
  }

  /** From what was done at `before` back down the tree to the share that came last, and up again to whoever asked first; gives when it asked. */
  followUp(top: number, before: number, kinds: SweepKinds): number | undefined {
    let [signer, until] = [top, before]
    for (let i = 0; i < LONGEST; i++) {
      const heard = this.#last(signer, kinds.received, until)
      const own = this.#last(signer, kinds.own, until)
      if (!heard || (own && own.atMs >= heard.atMs)) break
      const sender = heard.signer ?? signer
      const sent = this.#last(sender, kinds.sent, heard.atMs, signer) ?? this.#moments.get(sender)?.find(({ what }) => what === kinds.sent)
      if (!sent || sender === signer) break
      this.add(signer, heard)
      this.add(sender, sent)
      ;[signer, until] = [sender, sent.atMs]
    }
    const share = this.#last(signer, kinds.own, until)
    if (share) this.add(signer, share)
    return this.#climb(signer, kinds.down, top)
  }

  /** Up from whoever was asked to whoever asked, to the top. */
  #climb(from: number, kind: Kind, top: number): number | undefined {
    let signer = from
    for (let i = 0; i < LONGEST; i++) {
      const asked = this.#moments.get(signer)?.find(({ what, ballot = 0 }) => what === kind && ballot === 0)
      if (!asked) return undefined
      this.add(signer, asked)
      if (signer === top || asked.signer === undefined) return asked.atMs
      signer = asked.signer
    }
    return undefined
  }

  /** A later ballot is a star: prepare, the last promise, order, the last accept. */
  followBallot(coordinator: number, ballot: number, before: number): void {
    const ask = (received: Kind, own: Kind, until: number): void => {
      const heard = this.#last(coordinator, received, until, undefined, ballot)
      if (!heard || heard.signer === undefined) return
      this.add(coordinator, heard)
      const answered = this.#last(heard.signer, own, heard.atMs, undefined, ballot)
      if (answered) this.add(heard.signer, answered)
    }
    ask('accept received', 'accepted', before)
    const ordered = this.#last(coordinator, 'ordered', before, undefined, ballot)
    if (!ordered) return
    this.add(coordinator, ordered)
    ask('promise received', 'promised', ordered.atMs)
    const prepared = this.#last(coordinator, 'prepared', ordered.atMs, undefined, ballot)
    if (prepared) this.add(coordinator, prepared)
  }

  /** The latest moment of a kind up to this time. */
  #last(signer: number, kind: Kind, until: number, other?: number, ballot?: number): TimelineMoment | undefined {
    return this.#moments
      .get(signer)
      ?.findLast(
        (moment) =>
          moment.what === kind &&
          moment.atMs <= until &&
          (other === undefined || moment.signer === other) &&
          (ballot === undefined || moment.ballot === ballot),
      )
  }
}
