// An auditor: reads the certificates of a cluster's latest transactions from whichever signer answers, and trusts none of it but what the manifest proves.
// The manifest is the auditor's own copy. Ends with 1 if anything does not hold.
//
//   node examples/audit.mjs manifest.json cluster.json 100
import { readFileSync } from 'node:fs'
import { Client, loadCrypto, loadManifest, verifyCertificate } from 'musig-paxos'

const [manifestFile, clusterFile, limit = '100'] = process.argv.slice(2)
const crypto = loadCrypto()
const manifest = loadManifest(JSON.parse(readFileSync(manifestFile, 'utf8')), { crypto })
const client = new Client({ clusterFile })

/** The verdict on a signer's word that this transaction is executed. */
async function audit(txId) {
  const { valid, decisive, path, transactions, reason, note } = verifyCertificate(manifest, await client.certificate(txId), { crypto })
  if (!valid) return { state: 'WRONG', words: reason }
  if (!transactions?.includes(txId)) return { state: 'WRONG', words: 'the certificate is of a batch without this transaction' }
  // Votes that reach back to different heights are signed by a quorum, but what they decide takes the history in between.
  return path === 'fast' && !decisive ? { state: 'signed', words: note } : { state: 'proved', words: `by the ${path} path` }
}

try {
  const counts = { proved: 0, signed: 0, WRONG: 0 }
  for (const { txId, status } of await client.list({ limit: Number(limit) })) {
    if (status !== 'executed') continue
    const { state, words } = await audit(txId)
    counts[state]++
    console.log(`${state.padEnd(6)} ${txId} ${words}`)
  }
  console.log(`${counts.proved} proved, ${counts.signed} signed by a quorum, ${counts.WRONG} wrong`)
  process.exitCode = counts.WRONG > 0 ? 1 : 0
} finally {
  client.close()
}
