/** A store and a transport in memory, whose every call can be looked at and held back. */
import type { Store, Transport, TransportHandlers } from '../../src/lib/node/ports.js'

/** Appends wait until the test lets them through. */
export class HeldStore implements Store {
  readonly appends: { records: readonly Uint8Array[]; resolve: () => void; reject: (error: Error) => void }[] = []

  async load(): Promise<Uint8Array[]> {
    return []
  }

  append(records: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.appends.push({ records, resolve, reject })
    })
  }

  async close(): Promise<void> {}
}

/** Appends are durable at once. */
export class InstantStore extends HeldStore {
  readonly records: Uint8Array[] = []

  override async append(records: readonly Uint8Array[]): Promise<void> {
    this.records.push(...records)
  }
}

/** Keeps what is sent; the test plays the other side through `handlers`. */
export class RecordingTransport implements Transport {
  readonly sent: { to: number; frame: Uint8Array }[] = []
  handlers: TransportHandlers | undefined

  async start(handlers: TransportHandlers): Promise<void> {
    this.handlers = handlers
  }

  send(to: number, frame: Uint8Array): void {
    this.sent.push({ to, frame })
  }

  async stop(): Promise<void> {}
}
