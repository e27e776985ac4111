/** A signer process that keeps to the protocol among signers and lies to peers about its state and its snapshots: `lying-signer.ts --pack FILE --lie LIE`. */
import { parseArgs } from 'node:util'
import { LIMITS } from '../../src/lib/core/limits.js'
import { decodeMessage, encodeMessage, type Message, messageCodec } from '../../src/lib/core/message.js'
import { stateDigest } from '../../src/lib/core/statement.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import type { Grounds } from '../../src/lib/node/running-signer.js'
import { readConfigs } from '../../src/lib/node/signer-config.js'
import { runSigners } from '../../src/lib/node/signer-host.js'
import { openStore } from '../../src/lib/node/store.js'
import { createTransport } from '../../src/lib/node/transport.js'

const { values } = parseArgs({ options: { pack: { type: 'string' }, lie: { type: 'string' } } })
const { pack, lie = '' } = values
if (pack === undefined) throw new Error('lying-signer --pack FILE --lie LIE')

const NINES = '99'.repeat(32)

/** What a lie makes of a message to a peer; undefined: it is not sent. */
function lied(message: Message, sign: (digest: Uint8Array) => Uint8Array, place: Parameters<typeof stateDigest>[0]): Message | undefined {
  switch (lie) {
    // Another state, well signed: the snapshot itself shows that it is not so, or, where it is asked for its state alone, what others say.
    case 'state': {
      if (message.type !== 'snapshot' && message.type !== 'state') return message
      const another = { ...message, machineDigest: NINES }
      return { ...another, signature: sign(stateDigest(place, another)) }
    }
    case 'foreign':
      return message.type === 'snapshot' ? { ...message, signature: sign(new Uint8Array(32)) } : message
    case 'receipts':
      return message.type === 'part' ? { ...message, bytes: replaced(message.bytes, '"version":1', '"version":9') } : message
    case 'body':
      return message.type === 'part'
        ? { ...message, bytes: message.bytes.map((byte, i) => (i === message.bytes.length - 1 ? byte ^ 1 : byte)) }
        : message
    case 'long':
      return message.type === 'snapshot' ? { ...message, machineBytes: LIMITS.snapshotBytes } : message
    case 'short':
      return message.type === 'part' ? { ...message, bytes: message.bytes.slice(1) } : message
    default:
      throw new Error(`“${lie}” is no lie`)
  }
}

function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const changed = Buffer.from(bytes)
  const at = changed.indexOf(from)
  if (at >= 0) changed.write(to, at)
  return new Uint8Array(changed)
}

const grounds: Grounds = {
  openStore,
  createTransport(options) {
    const transport = createTransport(options)
    const { manifest, linkSecretKey } = options
    const codec = messageCodec(manifest.clusterId)
    const send = transport.send.bind(transport)
    return Object.assign(transport, {
      send(to: number, frame: Uint8Array) {
        const bent = to < manifest.n ? undefined : lied(decodeMessage(codec, frame), (digest) => nodeEd25519.sign(linkSecretKey, digest), manifest)
        if (to < manifest.n) send(to, frame)
        else if (bent) send(to, encodeMessage(codec, bent))
      },
    })
  },
}

process.umask(0o077)
process.exit(await runSigners({ signers: await readConfigs(pack), grounds }))
