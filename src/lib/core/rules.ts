/**
 * The rules that safety and progress stand on, each by its name, so that tests can take one out and see what breaks. Owns the names only; each
 * rule is kept where its sentence stands in the code. The product always keeps all of them: no flag, file or message reaches this.
 */

/** Whether each rule is kept. */
export interface Rules {
  /** A value that leaves out a batch whose standing value leaves this one out is refused (§7). */
  neverUnordered: boolean
  /** A value that enough promises report as accepted is taken as it is (§7, rule 1). */
  forcedValue: boolean
  /** Backed blockers become predecessors (§7, rule 2). */
  blockers: boolean
  /** A blocker counts only if its backing verifies (§7). */
  backingsVerify: boolean
  /** A standing value is the latest accepted one where nothing is committed (§7). */
  acceptedStands: boolean
  /** A signer accepts only a value that it has recomputed from the votes or promises (§7). */
  ordersChecked: boolean
  /** Nothing is accepted below a promise (§7). */
  promisesKept: boolean
  /** One accepted value for each ballot (§7). */
  oneAccept: boolean
  /** PREPARE counts only with the time-outs for it (§7). */
  prepareNeedsTimeouts: boolean
  /** A promise reports the latest accepted value (§7). */
  acceptedReported: boolean
  /** One signed view for each batch, for ever (§5). */
  oneVote: boolean
  /** The order of arrival survives a restart (§5). */
  arrivalKept: boolean
  /** A coordinator orders once all have promised or the wait is over, not as soon as a quorum has (§7). */
  waitsForAll: boolean
  /** A vote is put off while a conflicting batch is past its fast phase and undecided (§8). */
  putOff: boolean
  /** A transaction is held back by its initiator while one of its keys is in phase 3 (§8). */
  holdBack: boolean
  /** Components are ordered by ranked pairs, not by arrival (§8). */
  rankedPairs: boolean
  /** The synchrony guard: a late certificate is a lock, not a decision (§9). */
  guard: boolean
  /** ACCEPT is signed no sooner than 2Δ after the own NOTICE (§9). */
  noticeWait: boolean
  /** NOTICE is answered with the certificates held (§9). */
  noticeAnswered: boolean
  /** A certificate is final only if no NOTICE of a higher rank was seen (§9). */
  noHigherNotice: boolean
  /** A fast certificate is final only once noticed conflicting batches that it leaves out are final behind it (§9). */
  noticedConflicts: boolean
  /** Only the value of the highest certificate held is accepted (§9). */
  locksBind: boolean
  /** A certificate among the promises decides the value (§9, rule 0). */
  certificateFirst: boolean
  /** A fast certificate gives way to a conflicting one of phase 3 (§9). */
  fastIsVoid: boolean
  /** Nothing becomes final for 2Δ after a restart or a lost connection (§9). */
  settling: boolean
  /** What comes because it was asked for, or before a signer has caught up, is final only 2Δ after all were asked about it (§9). */
  lateDoubted: boolean
  /** After a restart a signer signs nothing before enough others show the same logs; it starts over if they do not (§9). */
  headsCompared: boolean
  /** What a signer heard is told to others, who answer with what contradicts it (§10). */
  halvesJoined: boolean
  /** A change of the signers conflicts with every batch (§24). */
  changesConflict: boolean
  /** A change ends its epoch: nothing behind it is executed in that, and whoever has executed it goes on in the next one (§24). */
  changesEnd: boolean
  /** A learner verifies every certificate itself (§11). */
  learnerVerifies: boolean
}

/** All rules kept: what every signer does outside tests. */
export const ALL_RULES: Rules = {
  neverUnordered: true,
  forcedValue: true,
  blockers: true,
  backingsVerify: true,
  acceptedStands: true,
  ordersChecked: true,
  promisesKept: true,
  oneAccept: true,
  prepareNeedsTimeouts: true,
  acceptedReported: true,
  oneVote: true,
  arrivalKept: true,
  waitsForAll: true,
  putOff: true,
  holdBack: true,
  rankedPairs: true,
  guard: true,
  noticeWait: true,
  noticeAnswered: true,
  noHigherNotice: true,
  noticedConflicts: true,
  locksBind: true,
  certificateFirst: true,
  fastIsVoid: true,
  settling: true,
  lateDoubted: true,
  headsCompared: true,
  halvesJoined: true,
  changesConflict: true,
  changesEnd: true,
  learnerVerifies: true,
}
