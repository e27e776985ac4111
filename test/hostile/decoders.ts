/** Everything that reads bytes of others, for the fuzz: good inputs of each decoder, and what it makes of an input. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { ProtocolVectors } from '../../scripts/make-protocol-vectors.js'
import { fromHex } from '../../src/lib/base/bytes.js'
import { type Codec, fromCbor, fromJson, toCbor, toJson } from '../../src/lib/base/codec.js'
import { ClusterFolder } from '../../src/lib/cluster/cluster-folder.js'
import { readFaults } from '../../src/lib/cluster/network-faults.js'
import { certificateCodec, orderCodec } from '../../src/lib/core/certificate.js'
import { evidenceCodec } from '../../src/lib/core/evidence.js'
import { LIMITS } from '../../src/lib/core/limits.js'
import { loadManifest, manifestToJson, readManifest } from '../../src/lib/core/manifest.js'
import { decodeMessage, encodeMessage, messageCodec } from '../../src/lib/core/message.js'
import { decodeRecord, encodeRecord, recordCodec } from '../../src/lib/core/record.js'
import { valueCodec } from '../../src/lib/core/tally.js'
import { decodeBatch, transactionCodec } from '../../src/lib/core/transaction.js'
import { viewCodec } from '../../src/lib/core/view.js'
import { voteSetCodec } from '../../src/lib/core/vote-set.js'
import { readCertificateFile, verifyCertificate } from '../../src/lib/inspect/verify-certificate.js'
import { verifyEvidenceFile } from '../../src/lib/inspect/verify-evidence.js'
import { readClaim, readDocuments } from '../../src/lib/inspect/verify-signature.js'
import { deriveFromVotes } from '../../src/lib/inspect/votes-file.js'
import { createPayload, Documents, deletePayload, putPayload } from '../../src/lib/machine/documents.js'
import { readJson } from '../../src/lib/machine/json.js'
import { Ledger, openPayload, transferPayload } from '../../src/lib/machine/ledger.js'
import type { StateMachine } from '../../src/lib/machine/state-machine.js'
import { readTransactionLines } from '../../src/lib/machine/transaction-lines.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { pack, unpack } from '../../src/lib/node/framing.js'
import { Acceptor, Dialler, type HandshakeContext, signerIdentity } from '../../src/lib/node/handshake.js'
import { readBody } from '../../src/lib/node/http-guard.js'
import { publicKeyJson, readPublicKey } from '../../src/lib/node/keyring.js'
import { encryptKey, insecureKey, keyFileText, openSecret, parseKeyFile } from '../../src/lib/node/keystore.js'
import { linkFaultsCodec } from '../../src/lib/node/link-faults.js'
import { readConfigs } from '../../src/lib/node/signer-config.js'
import { HeadFile, readHead } from '../../src/lib/node/store-head.js'
import { Liars } from '../core/evidence-samples.js'
import { FAKE } from '../core/small-cluster.js'
import { testCluster } from '../node/mesh.js'
import { conflict } from '../seed/conflict.js'
import { type Form, goodJson } from './mutator.js'

/** One decoder. */
export interface Decoder {
  name: string
  form: Form
  /** Good inputs. */
  seeds: Uint8Array[]
  /** How often it is taken, against the others. */
  weight: number
  /**
   * Reads an input, and gives back the bytes that what was read encodes to: they must be the input (`cbor`, `raw`), or the same JSON. `undefined`: it cannot
   * be written again. Throws a `MusigError`.
   */
  read(input: Uint8Array): Uint8Array | undefined | Promise<Uint8Array | undefined>
}

const MAX_BYTES = 2 ** 24
const textOf = (input: Uint8Array): string => Buffer.from(input).toString('utf8')
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

/** What is not JSON at all never comes as far as a decoder of documents: those who read files and bodies say so, see `text` decoders. */
class NotJson extends Error {}

/** Whether an input was turned away before it reached the decoder. */
export function isNotJson(error: unknown): boolean {
  return error instanceof NotJson
}

function parsed(input: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(input))
  } catch {
    throw new NotJson()
  }
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/protocol.json', import.meta.url), 'utf8')) as ProtocolVectors
const { clusterId } = vectors
const liars = new Liars(FAKE)

/** A codec in both of its forms. */
function both<T>(name: string, codec: Codec<T>, values: readonly T[], weight = 1): Decoder[] {
  return [
    {
      name,
      form: 'cbor',
      weight,
      seeds: values.map((value) => toCbor(codec, value)),
      read: (input) => toCbor(codec, fromCbor(codec, input, MAX_BYTES)),
    },
    {
      name: `${name} in JSON`,
      form: 'json',
      weight,
      seeds: values.map((value) => goodJson(toJson(codec, value))),
      read: (input) => goodJson(toJson(codec, fromJson(codec, parsed(input)))),
    },
  ]
}

function wire(): Decoder[] {
  const messages = messageCodec(clusterId)
  const { cluster } = conflict(7, (signer) => signer % 2 === 0)
  cluster.run(3000)
  const ofCluster = messageCodec(cluster.manifest.clusterId)
  const records = recordCodec(cluster.manifest.clusterId)
  const evidence = liars.samples().map((sample) => sample.evidence)
  const orders = vectors.orders.map(({ cbor }) => fromCbor(orderCodec, fromHex(cbor), MAX_BYTES))
  const certificates = vectors.certificates.map(({ cbor }) => fromCbor(certificateCodec, fromHex(cbor), MAX_BYTES))
  const sets = certificates.flatMap((certificate) => (certificate.type === 'fast' ? [certificate.votes] : []))
  return [
    {
      name: 'messages',
      form: 'cbor',
      weight: 6,
      seeds: vectors.messages.map(({ cbor }) => fromHex(cbor)),
      read: (input) => encodeMessage(messages, decodeMessage(messages, input)),
    },
    {
      name: 'messages of a cluster',
      form: 'cbor',
      weight: 3,
      seeds: cluster.sent.slice(0, 400).map(({ message }) => encodeMessage(ofCluster, message)),
      read: (input) => encodeMessage(ofCluster, decodeMessage(ofCluster, input)),
    },
    {
      name: 'records',
      form: 'cbor',
      weight: 3,
      seeds: cluster.records.flat().map((record) => encodeRecord(records, record)),
      read: (input) => encodeRecord(records, decodeRecord(records, input)),
    },
    {
      name: 'batches',
      form: 'cbor',
      weight: 2,
      seeds: vectors.batches.map(({ cbor }) => fromHex(cbor)),
      // What is forwarded are the bytes that came; their content once more is in the record of the batch.
      read: (input) => decodeBatch(clusterId, input).bytes,
    },
    ...both(
      'transactions',
      transactionCodec,
      vectors.transactions.map(({ cbor }) => fromCbor(transactionCodec, fromHex(cbor), MAX_BYTES)),
      2,
    ),
    ...both('orders', orderCodec, orders),
    ...both('certificates', certificateCodec, certificates),
    ...both('vote sets', voteSetCodec, sets),
    ...both(
      'views',
      viewCodec,
      sets.flatMap(({ entries }) => entries.map(({ view }) => view)),
    ),
    ...both(
      'values',
      valueCodec,
      orders.map(({ value }) => value),
    ),
    ...both('evidence', evidenceCodec(liars.manifest.clusterId), evidence, 2),
    ...both('link faults', linkFaultsCodec, [[{ signer: 1, cut: true, delayMs: 5, lossPerMille: 10 }]]),
  ]
}

function links(): Decoder[] {
  const cluster = testCluster(3)
  const context = (self: number): HandshakeContext => ({
    self: signerIdentity(cluster.manifest, self),
    manifest: cluster.manifest,
    ed25519: nodeEd25519,
    linkSecretKey: cluster.linkSecretKeys[self] ?? new Uint8Array(32),
  })
  const dialler = new Dialler(context(0), 2)
  const acceptor = new Acceptor(context(2))
  const hello = dialler.hello()
  const answer = acceptor.answer(hello)
  const seeds = [hello, answer, dialler.proof(answer), acceptor.welcome()]
  const nothing = (run: (input: Uint8Array) => unknown) => (input: Uint8Array) => {
    run(input)
    return undefined
  }
  return [
    {
      name: 'frames',
      form: 'raw',
      weight: 2,
      seeds: [pack([Uint8Array.of(1)]), pack([new Uint8Array(300), Uint8Array.of(1, 2, 3), new Uint8Array(70)])].flat(),
      read: (input) => Buffer.concat(pack(unpack(input))),
    },
    { name: 'hello', form: 'cbor', weight: 1, seeds, read: nothing((input) => new Acceptor(context(2)).answer(input)) },
    { name: 'answer', form: 'cbor', weight: 1, seeds, read: nothing((input) => dialler.proof(input)) },
    { name: 'proof', form: 'cbor', weight: 1, seeds, read: nothing((input) => acceptor.dialler(input)) },
    { name: 'welcome', form: 'cbor', weight: 1, seeds, read: nothing((input) => dialler.welcomed(input)) },
  ]
}

function machines(): Decoder[] {
  const transaction = (draft: { deps: string[]; payload: Uint8Array }, client: Uint8Array | null) => ({
    ...draft,
    client,
    nonce: Uint8Array.of(1),
    expiry: null,
    signature: null,
  })
  const position = { batchId: '00'.repeat(32), index: 0, heights: new Map(), txId: '00'.repeat(32) }
  const owner = new Uint8Array(32).fill(7)
  const ledgerPayloads = [openPayload('alice', 10), openPayload('bob', 0), transferPayload('alice', 'bob', 3)]
  const documentPayloads = [
    createPayload('d', { a: [1, 'x', null, { b: 2.5 }] }),
    putPayload('e', 'text', 0),
    deletePayload('d', 1),
    createPayload('f', 1),
  ]
  const snapshot = (name: string, make: () => StateMachine, drafts: typeof ledgerPayloads): Decoder => {
    const machine = make()
    for (const draft of drafts) machine.apply(transaction(draft, owner), position)
    const other = make()
    return {
      name,
      form: 'cbor',
      weight: 2,
      seeds: [machine.snapshot(), make().snapshot()],
      read(input) {
        other.restore(input)
        return other.snapshot()
      },
    }
  }
  const payload = (name: string, make: () => StateMachine, drafts: typeof ledgerPayloads): Decoder => ({
    name,
    form: 'json',
    weight: 2,
    seeds: drafts.map((draft) => draft.payload),
    read(input) {
      // Refusals are answers here; nothing may be thrown.
      if (input.length > LIMITS.payloadBytes) return undefined
      const machine = make()
      const given = transaction({ deps: ['acct:alice', 'acct:bob', 'doc:d', 'doc:e', 'doc:f'], payload: input }, owner)
      const isRefused = machine.check(given) !== undefined
      if (machine.apply(given, position).ok && isRefused) throw new Error('applied what the check refuses')
      return undefined
    },
  })
  const lines = [...ledgerPayloads.map(({ payload }) => textOf(payload)), '{"deps":["k"],"payload":{"a":1}}'].join('\n')
  return [
    snapshot('snapshot of the ledger', () => new Ledger(), ledgerPayloads),
    snapshot('snapshot of documents', () => new Documents(), documentPayloads),
    payload('payloads of the ledger', () => new Ledger(), ledgerPayloads),
    payload('payloads of documents', () => new Documents(), documentPayloads),
    { name: 'JSON', form: 'json', weight: 1, seeds: documentPayloads.map((draft) => draft.payload), read: (input) => goodJson(readJson(input)) },
    {
      name: 'lines of transactions',
      form: 'raw',
      weight: 1,
      seeds: [bytesOf(lines)],
      read(input) {
        readTransactionLines(textOf(input), 'ledger', 'file')
        return undefined
      },
    },
  ]
}

/** Documents that commands read, as text or as JSON. */
async function documents(): Promise<Decoder[]> {
  const key = openSecret('signer', new Uint8Array(32).fill(1), FAKE)
  const client = openSecret('client', new Uint8Array(32).fill(2), FAKE)
  const quick = { function: 'scrypt', params: { dklen: 32, n: 16, r: 8, p: 1, salt: '00'.repeat(32) } } as const
  const keyFiles = [
    insecureKey(key),
    insecureKey(client),
    await encryptKey(key, 'correct horse', { kdf: quick }),
    await encryptKey(client, 'correct horse', { kdf: quick }),
  ]
  const [entry] = liars.manifest.signers
  const publicKeys = entry
    ? [publicKeyJson({ kind: 'signer', ...entry }), publicKeyJson({ kind: 'client', name: 'c', publicKey: new Uint8Array(32) })]
    : []
  const arrivals = { n: 3, tolerance: '1/2', batches: { a: ['k'], b: ['k'], c: ['l'] }, arrivals: [['a', 'b'], ['b', 'a', 'c'], []] }
  const votes = {
    n: 3,
    tolerance: '1/2',
    batches: { a: ['k'], b: ['k'] },
    votes: { a: [{ signer: 0, before: ['b'] }], b: [{ signer: 1, before: [] }] },
  }
  const [certificate] = vectors.certificates
  const claim = { publicKeys: ['aa'.repeat(48)], messages: ['0x00'], signature: 'bb'.repeat(96), signatures: ['bb'.repeat(96)] }
  const [transaction] = vectors.transactions
  const json = (name: string, seeds: unknown[], read: (plain: unknown) => unknown, isSame = false): Decoder => ({
    name,
    form: 'json',
    weight: 1,
    seeds: seeds.map(goodJson),
    read(input) {
      const document = read(parsed(input))
      return isSame ? goodJson(document) : undefined
    },
  })
  const text = (name: string, seeds: unknown[], read: (text: string) => unknown, weight = 1): Decoder => ({
    name,
    form: 'json',
    weight,
    seeds: seeds.map(goodJson),
    async read(input) {
      await read(textOf(input))
      return undefined
    },
  })
  return [
    json('manifest', [vectors.manifest], (plain) => manifestToJson(readManifest(plain)), true),
    json('manifest with its proofs', [manifestToJson(liars.manifest)], (plain) => loadManifest(plain, FAKE.bls)),
    json('public key files', publicKeys, (plain) => publicKeyJson(readPublicKey(plain)), true),
    json('votes files', [arrivals, votes], deriveFromVotes),
    json(
      'certificate files',
      [{ schema: 1, ...certificate, certificate: certificate?.json, clusterId, batch: vectors.batches[0]?.cbor }, certificate?.json],
      (plain) => verifyCertificate(FAKE, liars.manifest, readCertificateFile(plain, 'file')),
    ),
    json(
      'evidence files',
      liars.samples().map(({ evidence }) => ({ schema: 1, evidence: toJson(evidenceCodec(liars.manifest.clusterId), evidence) })),
      (plain) => verifyEvidenceFile(FAKE, liars.manifest, plain, 'file'),
    ),
    text('signature files', [claim, [claim, claim]], (input) =>
      readDocuments(input, 'file').documents.map((document) => readClaim(document, 'file')),
    ),
    text(
      'key files',
      keyFiles.map((file) => JSON.parse(keyFileText(file)) as unknown),
      async (input) => keyFileText(await parseKeyFile(input, 'file')),
      2,
    ),
    {
      name: 'bodies of the API',
      form: 'json',
      weight: 2,
      seeds: [{ transaction: transaction?.json }].map(goodJson),
      async read(input) {
        const request = Object.assign(Readable.from([input]), { headers: { 'content-type': 'application/json' } })
        const body = await readBody(request as unknown as IncomingMessage)
        const given = typeof body === 'object' && body !== null && 'transaction' in body ? body.transaction : undefined
        fromJson(transactionCodec, given, 'transaction')
        return undefined
      },
    },
  ]
}

/** What is read from a disk, by its path. */
function files(folder: string): Decoder[] {
  const at = (name: string) => join(folder, name)
  const head = new HeadFile(at('head'), true)
  for (const count of [1, 2]) head.write({ count, chain: new Uint8Array(32).fill(count) })
  head.close()
  const config = { manifest: 'm', key: 'k', store: 's', addresses: 'a', tokenFile: 't', api: 'http://127.0.0.1:1', faults: [] }
  const cluster = new ClusterFolder(folder, 'hostile')
  mkdirSync(cluster.path, { recursive: true })
  const record = {
    schema: 1,
    id: clusterId,
    name: 'c',
    n: 1,
    manifest: 'm',
    tokenFile: 't',
    addresses: 'a',
    pack: 1,
    signers: [{ index: 0, name: 's', publicKey: '00'.repeat(48), url: 'http://127.0.0.1:1', key: 'k', store: 's', log: 'l', pid: null }],
    peers: [],
    createdAt: 'now',
  }
  const faults = { schema: 1, partition: [[0, 1], [2]], links: [{ from: 0, to: 1, delayMs: 1, lossPerMille: 0 }] }
  const file = (name: string, form: Form, seeds: Uint8Array[], path: string, read: () => unknown): Decoder => ({
    name,
    form,
    weight: 0.02,
    seeds,
    async read(input) {
      writeFileSync(path, input)
      await read()
      return undefined
    },
  })
  return [
    file('head of a store', 'raw', [new Uint8Array(readFileSync(at('head')))], at('head'), () => readHead(at('head'))),
    file('configurations of signers', 'json', [goodJson([config, config])], at('signers.json'), () => readConfigs(at('signers.json'))),
    file('file of a cluster', 'json', [goodJson(record)], cluster.file, () => cluster.read()),
    file('faults of a cluster', 'json', [goodJson(faults)], cluster.faultsFile, () => readFaults(cluster)),
  ]
}

/** All decoders; `remove` takes their files away. */
export async function allDecoders(): Promise<{ decoders: Decoder[]; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'musig-hostile-'))
  const decoders = [...wire(), ...links(), ...machines(), ...(await documents()), ...files(folder)]
  return { decoders, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
