/** What a program does with the pure entry, from one input: the same in Node and, bundled, in a browser. Nothing of Node is in it. */
import type * as pure from '../../src/pure.js'

/** Documents of examples/. */
export interface Input {
  manifest: unknown
  fast: unknown
  slow: unknown
  votes: unknown
}

/** Uses every part of `library`, and gives what came of it as plain data. */
export function everything(library: typeof pure, { manifest: json, fast, slow, votes }: Input) {
  const refusal = (work: () => unknown): string => {
    try {
      return `nothing is refused: ${work()}`
    } catch (error) {
      return `${error instanceof library.MusigError} ${(error as pure.MusigError).code} ${(error as Error).message}`
    }
  }
  const manifest = library.loadManifest(json)
  const order = library.deriveOrder(votes as pure.Arrivals)
  const tree = library.buildTree(manifest, (fast as { batchId: string }).batchId, 0)
  const tampered = JSON.parse(JSON.stringify(slow))
  tampered.certificate.ballot = 1
  tampered.certificateId = undefined
  const ledger = new library.Ledger()
  const secretKey = Uint8Array.from({ length: 32 }, (_, i) => i)
  const unsigned = {
    deps: ['acct:a'],
    payload: library.openPayload('a', 5).payload,
    client: null,
    nonce: new Uint8Array(8),
    expiry: null,
    signature: null,
  }
  const transaction = library.signTransaction(manifest, unsigned, secretKey)
  const txId = library.transactionId(manifest, transaction)
  return {
    clusterId: manifest.clusterId,
    verdicts: [fast, slow, tampered].map((certificate) => library.verifyCertificate(manifest, certificate)),
    claims: [fast, slow].map((certificate) => library.verifySignature(library.signatureClaim(manifest, certificate), { manifest })),
    order,
    svg: [library.drawOrderSvg(order), library.drawTreeSvg(tree)],
    transaction: [txId, library.transactionToJson(transaction), ledger.check(transaction)],
    digest: Array.from(ledger.digest()),
    fresh: library.newTransaction(manifest, { deps: [], payload: new Uint8Array() }).nonce.length,
    run: library.simulate({ n: 5, seed: 7, txs: 4, restarts: 1 }),
    refusals: [refusal(() => library.loadManifest({})), refusal(() => library.verifyCertificate(manifest, 7)), refusal(() => library.boundsOf(0))],
  }
}
