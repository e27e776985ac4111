/**
 * A signer process that dies with SIGKILL where it is told to: `crashing-signer.ts [--accept-lost-history] --pack FILE`, told over its IPC
 * channel (crash-point.ts); it ends with whoever started it. It is the
 * product's signer, started by the same function, on its own store and links; only what passes between these and the core is looked at here. Which role
 * it has is known at first sight of a batch, so a point waits for a batch in which it has the wanted one.
 */
import { execFileSync } from 'node:child_process'
import { open, writeSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Id } from '../../src/lib/base/bytes.js'
import { MusigError } from '../../src/lib/base/errors.js'
import type { Manifest } from '../../src/lib/core/manifest.js'
import { decodeMessage, type Message, messageCodec } from '../../src/lib/core/message.js'
import { type DurableRecord, decodeRecord, recordCodec } from '../../src/lib/core/record.js'
import { type Batch, transactionId } from '../../src/lib/core/transaction.js'
import { treeOf } from '../../src/lib/core/tree.js'
import type { TransportHandlers } from '../../src/lib/node/ports.js'
import type { Grounds } from '../../src/lib/node/running-signer.js'
import { readConfigs } from '../../src/lib/node/signer-config.js'
import { runSigners } from '../../src/lib/node/signer-host.js'
import { openStore } from '../../src/lib/node/store.js'
import { createTransport } from '../../src/lib/node/transport.js'
import type { Order, Point, Role, Said } from './crash-point.js'

/** The store's watchdog here, so that a test of it is quick. */
const APPEND_TIMEOUT_MS = 1500
/** How long what was sent may take to leave the process. */
const LEAVING_MS = 200

let order: Order = { type: 'rest' }
let place: { self: number; manifest: Manifest } | undefined
/** The batch that the order is about. */
let target: Id | undefined
let txIds: Id[] = []
let durable = false
let left = false
/** After its end: nothing goes on. */
let frozen = false
const counts = new Map<string, number>()

process.on('message', (told: Order) => {
  order = told
  target = undefined
  txIds = []
  durable = false
  left = false
  counts.clear()
  say({ type: 'ready' })
})

// A test that is killed must not leave it behind.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

function say(said: Said): void {
  process.send?.(said)
}

/** What a message or record is about. */
function batchOf(about: Message | DurableRecord): { id?: Id | undefined; batch?: Batch } {
  if ('batch' in about) return { id: about.batch.id, batch: about.batch }
  if ('batchId' in about) return { id: about.batchId }
  if ('order' in about) return { id: about.order.batchId }
  return 'certificate' in about ? { id: about.certificate.batchId } : {}
}

/** Whether the signer has this role in the batch's tree, and the batch is one that the point asks for. */
function isWanted(batch: Batch, role: Role, next?: number): boolean {
  if (!place) return false
  const { self, manifest } = place
  const tree = treeOf(batch.id, batch.initiator, manifest)
  const [root, second] = tree.permutation
  if (next !== undefined && next !== second) return false
  if (root === self) return role === 'root'
  const isInner = tree.childrenOf(self).length > 0
  return role === (isInner ? 'inner' : 'leaf') || role === (second === self ? 'coordinator' : 'follower')
}

/** The kinds of those that are about the target, which is chosen here. */
function aboutTarget(things: readonly (Message | DurableRecord)[]): string[] {
  const wanted = 'point' in order ? order.point : 'role' in order ? order : undefined
  return things.flatMap((thing) => {
    const { id, batch } = batchOf(thing)
    if (!target && place && batch && wanted && isWanted(batch, wanted.role, wanted.next)) {
      const { clusterId } = place.manifest
      target = batch.id
      txIds = batch.transactions.map((transaction) => transactionId(clusterId, transaction))
    }
    return id !== undefined && id === target ? [thing.type] : []
  })
}

/** Counts what is done now; the point, if this is it. */
function meets(action: Point['action'], kinds: readonly string[]): Point | undefined {
  let met: Point | undefined
  for (const kind of new Set(kinds)) {
    const name = `${action} ${kind}`
    const nth = (counts.get(name) ?? 0) + 1
    counts.set(name, nth)
    if (order.type === 'watch') say({ type: 'step', step: `${name} ${nth}` })
    if ('point' in order && order.point.action === action && order.point.kind === kind && order.point.nth === nth) met = order.point
  }
  return met
}

function tell(point: Point): void {
  writeSync(1, `${JSON.stringify({ type: 'met', point, batchId: target ?? '', txIds, durable, left } satisfies Said)}\n`)
}

function die(point: Point): never {
  frozen = true
  tell(point)
  process.kill(process.pid, 'SIGKILL')
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

/** Dies once what it sent has left; nothing else happens until then. */
function dieOnceLeft(point: Point, queued: () => number): void {
  frozen = true
  const deadline = performance.now() + LEAVING_MS
  const look = () => (queued() > 0 && performance.now() < deadline ? setImmediate(look) : die(point))
  setImmediate(look)
}

/** Takes every thread that does the work of files: whoever waits for the disk waits for ever, as when the disk hangs. */
function hangDisk(folder: string): void {
  const pipe = join(folder, 'hang')
  execFileSync('mkfifo', [pipe])
  for (let i = 0; i < 16; i++) open(pipe, 'r', () => undefined)
}

const grounds: Grounds = {
  async openStore(folder, identity, options) {
    const store = await openStore(folder, identity, { ...options, appendTimeoutMs: APPEND_TIMEOUT_MS })
    const codec = recordCodec(identity.clusterId)
    return {
      aside: store.aside,
      load: () => store.load(),
      get lost() {
        return store.lost
      },
      acceptLoss: () => store.acceptLoss(),
      takeBase: () => store.takeBase(),
      prune: (base) => store.prune(base),
      begin: (base) => store.begin(base),
      close: () => store.close(),
      async append(records) {
        const kinds = aboutTarget(records.map((record) => decodeRecord(codec, record)))
        const point = meets('append', kinds)
        if (frozen) return await new Promise<never>(() => undefined)
        if (order.type === 'slow') await new Promise((resolve) => setTimeout(resolve, order.type === 'slow' ? order.delayMs : 0))
        const kills = order.type === 'die' || order.type === 'lie'
        if (point && kills && point.when === 'before') die(point)
        if (point && order.type === 'fail') {
          tell(point)
          throw new MusigError('STORE_FAILED', `a record could not be written to ${folder}: ${order.code}`)
        }
        if (point && order.type === 'hang') {
          tell(point)
          hangDisk(folder)
        }
        if (order.type !== 'lie' || kinds.length === 0) {
          await store.append(records)
          if (kinds.length > 0) durable = true
        }
        if (point && kills) die(point)
      },
    }
  },
  createTransport(options) {
    place = { self: options.self, manifest: options.manifest }
    const transport = createTransport(options)
    const codec = messageCodec(options.manifest.clusterId)
    const [start, send] = [transport.start.bind(transport), transport.send.bind(transport)]
    return Object.assign(transport, {
      start: (handlers: TransportHandlers) =>
        start({
          connected: (signer) => handlers.connected(signer),
          disconnected: (signer) => handlers.disconnected(signer),
          message(from, frame) {
            if (frozen) return
            const point = meets('receive', aboutTarget([decodeMessage(codec, frame)]))
            if (point?.when === 'before') die(point)
            handlers.message(from, frame)
            if (point) die(point)
          },
        }),
      send(to: number, frame: Uint8Array) {
        if (frozen) return
        const kinds = aboutTarget([decodeMessage(codec, frame)])
        const point = meets('send', kinds)
        if (point?.when === 'before') die(point)
        send(to, frame)
        if (kinds.length > 0) left = true
        if (point) dieOnceLeft(point, () => transport.queuedBytes(to))
      },
    })
  },
}

const { values } = parseArgs({ options: { pack: { type: 'string' }, 'accept-lost-history': { type: 'boolean' } } })
if (values.pack === undefined) throw new Error('crashing-signer [--accept-lost-history] --pack FILE')
const acceptLostHistory = values['accept-lost-history']
const signers = (await readConfigs(values.pack)).map((config) => ({ ...config, acceptLostHistory }))
process.umask(0o077)
process.exit(await runSigners({ signers, grounds }))
