/** The ports of a signer process: where its records are kept and how its frames travel. Every implementation passes the port's compliance suite. */

/** Durable records in the order in which they were appended. Records are opaque bytes here. */
export interface Store {
  /** All records, oldest first. Errors: `STORE_FAILED` that names the record where the chain or the counter breaks. A store in use is `BUSY`, when it is opened. */
  load(): Promise<Uint8Array[]>
  /** Appends records at once; durable when it resolves. After an error nothing more is written: the process must stop ("may exist"). */
  append(records: readonly Uint8Array[]): Promise<void>
  close(): Promise<void>
}

/** What a transport tells its owner. Signers are named by their index in the manifest. */
export interface TransportHandlers {
  message(from: number, frame: Uint8Array): void
  connected(signer: number): void
  disconnected(signer: number): void
}

/** Frames between signers: best effort, ordered on each link, authenticated, never larger than `LIMITS.messageBytes`. */
export interface Transport {
  start(handlers: TransportHandlers): Promise<void>
  /** Queues a frame; drops it where there is no connection or the queue is full (the protocol repeats what matters). */
  send(to: number, frame: Uint8Array): void
  stop(): Promise<void>
}
