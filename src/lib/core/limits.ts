/** Every limit of the protocol in one place (§3, §13). Limits that operators may set stand in the manifest instead. */
export const LIMITS = {
  /** Signers in a manifest. */
  signers: 4096,
  /** Bytes of a dependency key. */
  keyBytes: 128,
  /** Dependency keys of a transaction. */
  keysPerTransaction: 64,
  /** Bytes of a transaction's payload. */
  payloadBytes: 256 * 1024,
  /** Dependency keys of a batch, all transactions together, and their bytes: a view of it must fit into `viewBytes`. */
  keysPerBatch: 1024,
  keyBytesPerBatch: 24 * 1024,
  /** Transactions of a batch. */
  transactionsPerBatch: 1024,
  /** Bytes of an encoded batch. */
  batchBytes: 1024 * 1024,
  /** Bytes of an encoded view. */
  viewBytes: 64 * 1024,
  /** Ids listed in a view. */
  pendingPerView: 960,
  /** Keys of a view of a change of the signers, ids listed in it, and its bytes: it speaks of all keys (§24). */
  keysPerChange: 32 * 1024,
  pendingPerChange: 8192,
  changeViewBytes: 1024 * 1024,
  /** Bytes that the keys with a history may take, shared among the signers, and batches without keys in one epoch, where a change is taken in. */
  keysBeforeChange: 3 * 1024 * 1024,
  keylessBeforeChange: 4096,
  /** Heights by which a reference view reaches back on one key. */
  reachBackPerKey: 32,
  /** How far back a view's heights may lie behind the reader's. */
  heightsBack: 1024,
  /** Bytes of a message between signers. */
  messageBytes: 8 * 1024 * 1024,
  /** Bytes of an encoded record: what came in a message must fit, whatever stands round it. */
  recordBytes: 16 * 1024 * 1024,
  /** Bytes of the promises in an order, each part counted once: what stands round them must fit into a message too. */
  promisesBytes: 6 * 1024 * 1024,
  /** Bytes of backings that a promise may carry, however many signers there are. */
  backingBytes: 256 * 1024,
  /** Ids asked for in one message. */
  idsPerFetch: 256,
  /** Ids listed in one page of a log. */
  idsPerPage: 1024,
  /** Undecided batches of one initiator that others keep beyond its window before they refuse more. */
  undecidedPerInitiator: 64,
  /** Batches whose statements are kept to be compared, about how many bytes of them, and for how long. */
  witnessedBatches: 1024,
  witnessedBytes: 16 * 1024 * 1024,
  witnessedMs: 10 * 60_000,
  /** Contradictions of one kind of one signer that are told: more says nothing more, and fills the place of another's. Proofs kept by a node, and their bytes. */
  proofsOfAKind: 1,
  accusations: 1024,
  evidenceBytes: 256 * 1024 * 1024,
  /** Parts of one sender that turn out unsound before it is not listened to. */
  unsoundParts: 16,
  /** Bytes of a proof that is passed on, and proofs that one signer is believed to pass on. */
  proofBytes: 1024 * 1024,
  /** Batches told of in one HEARD, statements of each, halves in one answer, and about how many bytes of either. */
  heardBatches: 256,
  heardStatements: 64,
  halvesPerAnswer: 16,
  heardBytes: 64 * 1024,
  halvesBytes: 256 * 1024,
  /** Peers that one signer keeps informed. */
  peers: 64,
  /** Ids of a signer's log beside what it says of its state. */
  idsPerState: 8192,
  /** Bytes of a snapshot that a peer fetches, the past and the state of the state machine together, and of one part of it. */
  snapshotBytes: 1024 * 1024 * 1024,
  partBytes: 1024 * 1024,
  /** Bytes of batches that a learner keeps while their history is missing. */
  heldBytes: 64 * 1024 * 1024,
  /** Batches whose moments a signer remembers, for people, and moments of one kind that it keeps of each. */
  timedBatches: 1024,
  momentsOfAKind: 16,
  /** Batches described together for one picture. */
  batchesPerPicture: 40,
  /** Transactions that wait in one signer for their batch. */
  waitingTransactions: 10_000,
} as const
