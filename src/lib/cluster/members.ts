/** Signers and peers of a cluster, asked at once for what they tell of faults. Owns asking and its bounds; judging what comes is left to whoever asked. */
import { basename } from 'node:path'
import { MusigError } from '../base/errors.js'
import { ANSWER_MS, askAll } from '../node/ask-all.js'
import type { Client, Member } from '../node/client.js'
import type { ConductAnswer } from '../node/conduct.js'
import type { HeldEvidence } from '../node/evidence-folder.js'
import type { PeerStatusAnswer } from '../node/peer-status.js'
import type { StatusAnswer } from '../node/signer-status.js'

/** Proofs that are looked at of one signer. */
const PROOFS = 1024
/** A proof may be large; whoever is stopped or cut off must not hold up that another holder is asked. */
const PROOF_MS = 3000

/** One member and what it tells; null where it does not answer. */
export interface MemberReport {
  member: Member
  /** `signer 3`, `peer 0`. */
  name: string
  status: StatusAnswer | PeerStatusAnswer | null
  conduct: ConductAnswer | null
  /** The proofs that it says it holds; `file` is their name there. */
  proofs: HeldEvidence[]
}

export class Members {
  readonly #client: Client
  readonly #members: ReadonlyMap<string, Member>

  constructor(client: Client, n: number, peers: number) {
    const members: Member[] = [...Array(n).keys(), ...Array.from({ length: peers }, (_, peer) => ({ peer }))]
    this.#client = client
    this.#members = new Map(members.map((member) => [typeof member === 'number' ? `signer ${member}` : `peer ${member.peer}`, member]))
  }

  /** What each of them tells. Errors: `UNREACHABLE` where nobody answers. */
  async reports(): Promise<MemberReport[]> {
    const members = [...this.#members.values()]
    const [statuses, conducts] = await Promise.all([
      askAll<Member, StatusAnswer | PeerStatusAnswer>(members, (from) =>
        typeof from === 'number' ? this.#client.status({ from, timeoutMs: ANSWER_MS }) : this.#client.peerStatus(from.peer, { timeoutMs: ANSWER_MS }),
      ),
      askAll(members, (from) => this.#client.conduct({ from, timeoutMs: ANSWER_MS })),
    ])
    if (statuses.every((status) => !status))
      throw new MusigError('UNREACHABLE', `none of ${members.length} signers and peers answers; is the cluster up?`)
    return [...this.#members].map(([name, member], i) => {
      const status = statuses[i] ?? null
      const held = status && 'evidence' in status ? status.evidence.slice(0, PROOFS) : []
      return { member, name, status, conduct: conducts[i] ?? null, proofs: held.map((one) => ({ ...one, file: basename(one.file) })) }
    })
  }

  /** The proof in a file that a member says it holds; undefined where it does not give it out. */
  async proof(name: string, file: string): Promise<unknown> {
    const member = this.#members.get(name)
    if (member === undefined) return undefined
    const [document] = await askAll([member], (from) => this.#client.evidence(file, { from, timeoutMs: PROOF_MS }))
    return document ?? undefined
  }
}
