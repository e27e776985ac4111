// Opens two accounts in a local cluster that runs the ledger, moves money between them, and checks the proof of it without asking the cluster again.
//
//   musig cluster up
//   node examples/submit.mjs ~/.local/share/musig/clusters/default     # the folder that “cluster up” names
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, loadCrypto, loadManifest, MusigError, newTransaction, openPayload, transferPayload, verifyCertificate } from 'musig-paxos'

const [folder = '.'] = process.argv.slice(2)
const crypto = loadCrypto() // the native signing; the functions do without it, more slowly
const manifest = loadManifest(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')), { crypto })
const client = new Client({ clusterFile: join(folder, 'cluster.json') })

// Whoever signs the opening of an account owns it: this secret does. Names are new in each run.
const secretKey = Uint8Array.from(randomBytes(32))
const [alice, bob] = ['alice', 'bob'].map((name) => `${name}-${randomBytes(3).toString('hex')}`)
const submit = (draft) => client.submit(newTransaction(manifest, { ...draft, secretKey }, { crypto }))

try {
  await Promise.all([submit(openPayload(alice, 100)), submit(openPayload(bob, 0))])
  const { txId, receipt, path, latencyMs } = await submit(transferPayload(alice, bob, 10))
  console.log(`${txId.slice(0, 12)} executed by the ${path} path in ${latencyMs} ms:`, JSON.stringify(receipt.result))

  // The certificate and the manifest are all that the check needs: both can be kept, and checked anywhere at any time.
  const certificate = await client.certificate(txId)
  const { valid, signers, quorum, transactions } = verifyCertificate(manifest, certificate, { crypto })
  console.log(
    `certificate ${valid ? 'valid' : 'INVALID'}: ${signers.length} signers, quorum ${quorum}, holds the transfer: ${transactions.includes(txId)}`,
  )
} catch (error) {
  if (!(error instanceof MusigError)) throw error
  // Its code says what happened, and `definite` whether the transaction may have been executed all the same.
  console.error(`${error.code}: ${error.message}${!error.definite ? ' (ask again with client.show)' : ''}`)
  process.exitCode = 1
} finally {
  client.close()
}
