/** What the signers say after healing: waits until all agree that nothing is left, then asks each for every transaction, and checks certificates offline. */
import { fromHex } from '../../src/lib/base/bytes.js'
import { MusigError } from '../../src/lib/base/errors.js'
import { noble } from '../../src/lib/bls/noble.js'
import { provedManifest } from '../../src/lib/cluster/proved-manifest.js'
import { readCertificateFile, verifyCertificate } from '../../src/lib/inspect/verify-certificate.js'
import type { Client } from '../../src/lib/node/client.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import type { StatusAnswer } from '../../src/lib/node/signer-status.js'
import type { Place, SignerState, Violation } from './checker.js'
import type { OwnCluster } from './own-cluster.js'
import { placeOf, type Transfers } from './transfers.js'

const LOOK_MS = 250
const ASK_MS = 10_000
/** Once all is settled: a loaded machine may take its time, and that says nothing against the signers. */
const PATIENT_MS = 60_000
/** Questions to one signer at a time. */
const AT_ONCE = 4

/** L1: everything pending is executed everywhere within a bound. The time it took, or what is stuck. */
export async function settled(client: Client, n: number, boundMs: number): Promise<{ ms: number } | Violation> {
  const begun = performance.now()
  for (;;) {
    const states = await Promise.all(
      Array.from({ length: n }, (_, from) => client.status({ from, timeoutMs: ASK_MS }).catch((error: Error): Error => error)),
    )
    const ms = Math.round(performance.now() - begun)
    const known = states.filter((state): state is StatusAnswer => !(state instanceof Error))
    if (known.length === n && known.every(({ undecided }) => undecided === 0) && new Set(known.map(({ orderDigest }) => orderDigest)).size === 1)
      return { ms }
    if (ms > boundMs) {
      const told = states.map((state, i) =>
        state instanceof Error ? `${i}: ${state.message}` : `${i}: ${state.executed} executed, ${state.undecided} undecided`,
      )
      return { invariant: 'L1', detail: `not settled within ${boundMs} ms: ${told.join('; ')}` }
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

/** Everything that the signers know of these transfers. */
export function statesOf(client: Client, n: number, { seen, accounts }: Transfers): Promise<SignerState[]> {
  return Promise.all(
    Array.from({ length: n }, async (_, from): Promise<SignerState> => {
      const places = new Map<string, Place>()
      await forEach(seen, async ({ txId }) => {
        const result = await found(client.show(txId, { from, timeoutMs: PATIENT_MS }))
        if (result?.status === 'executed') places.set(txId, placeOf(result))
      })
      const balances: Record<string, number> = {}
      for (const account of accounts) {
        const value = (await found(client.query(`acct:${account}`, { from, timeoutMs: PATIENT_MS }))) as { balance: number } | undefined
        if (value) balances[account] = value.balance
      }
      const { orderDigest, machineDigest, transactions } = await client.status({ from, timeoutMs: PATIENT_MS })
      return { signer: from, orderDigest, machineDigest, transactions, places, balances }
    }),
  )
}

/** V1: certificates, each from another signer in turn, with the plain JavaScript backend and the manifest alone; at most so many, evenly spread. */
export async function certificateFaults(
  client: Client,
  { home, cluster }: OwnCluster,
  batchIds: readonly string[],
  most: number,
): Promise<{ checked: number; violations: Violation[] }> {
  const crypto = { bls: noble, ed25519: nodeEd25519 }
  const manifest = provedManifest(undefined, { home, cluster }, noble)
  const chosen = batchIds.filter((_, i) => Math.floor((i * most) / batchIds.length) !== Math.floor(((i - 1) * most) / batchIds.length))
  const violations: Violation[] = []
  for (const [i, batchId] of chosen.entries()) {
    const answer = await client.certificate(batchId, { from: i % manifest.n, timeoutMs: PATIENT_MS })
    const read = readCertificateFile(answer, batchId)
    const verdict = verifyCertificate(crypto, manifest, { ...read, batch: fromHex(answer.batch, 'batch') })
    if (!verdict.valid || verdict.batchId !== batchId)
      violations.push({ invariant: 'V1', detail: `${batchId}: ${verdict.reason ?? 'of another batch'}` })
  }
  return { checked: chosen.length, violations }
}

/** Nothing where a signer says that it knows nothing. */
async function found<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof MusigError && error.code === 'NOT_FOUND') return undefined
    throw error
  }
}

async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const run = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
}
