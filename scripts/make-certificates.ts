/**
 * Makes the certificates in examples/certificates/: five signers on this machine, two transfers that race, until one of them is decided
 * by its votes although they differ, and one is not. To be run again when the form of manifests or certificates changes; docs/reading-a-certificate.md then takes new outputs from scripts/doc-blocks.ts.
 *
 *   node scripts/build.mjs && node --import tsx scripts/make-certificates.ts
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, loadCrypto, loadManifest, newTransaction, openPayload, transferPayload, verifyCertificate } from '../src/index.js'

const N = 5
const ATTEMPTS = 120
const root = fileURLToPath(new URL('..', import.meta.url))
const out = join(root, 'examples', 'certificates')
const home = mkdtempSync(join(tmpdir(), 'musig-certificates-'))
const cluster = join(home, 'clusters', 'default')

function musig(...args: string[]): void {
  const { status } = spawnSync(process.execPath, [join(root, 'bin', 'run.js'), ...args], {
    env: { ...process.env, MUSIG_HOME: home },
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`musig ${args.join(' ')} ended with ${status}`)
}

function save(name: string, document: object): void {
  writeFileSync(join(out, name), `${JSON.stringify(document, null, 2)}\n`)
}

async function make(): Promise<void> {
  const client = new Client({ clusterFile: join(cluster, 'cluster.json') })
  try {
    const crypto = loadCrypto()
    const manifest = loadManifest(JSON.parse(readFileSync(join(cluster, 'manifest.json'), 'utf8')), { crypto })
    const secretKey = Uint8Array.from({ length: 32 }, (_, i) => i + 1)
    const submit = (draft: { deps: string[]; payload: Uint8Array }, to: number) =>
      client.submit(newTransaction(manifest, { ...draft, secretKey }, { crypto }), { to })
    for (const account of ['alice', 'bob']) await submit(openPayload(account, 100), 0)
    let [fast, slow] = [false, false]
    for (let attempt = 0; attempt < ATTEMPTS && !(fast && slow); attempt++) {
      // Longer than views reach back: what was executed before stands in heights, and only the race is listed.
      await sleep(1_500)
      const first = submit(transferPayload('alice', 'bob', 1), attempt % N)
      await sleep(attempt % 6)
      const results = await Promise.all([first, submit(transferPayload('bob', 'alice', 2), (attempt + 2) % N)])
      for (const { txId } of results) {
        const answer = await client.certificate(txId)
        const { path, ballot, decisive, score, distinctMessages, signers, predecessors } = verifyCertificate(manifest, answer, { crypto })
        if (signers.length < N || score === null || score === 1 || predecessors?.length !== 1) continue
        if (!fast && path === 'fast' && decisive && distinctMessages === 2) {
          save('fast.json', { schema: 1, ...answer })
          fast = true
        }
        if (!slow && path === 'slow' && ballot === 0 && score < 0.8) {
          save('slow.json', { schema: 1, ...answer })
          slow = true
        }
      }
    }
    if (!fast || !slow) throw new Error(`${ATTEMPTS} races, and no ${fast ? 'slow' : 'fast'} certificate that fits: try again`)
  } finally {
    client.close()
  }
}

try {
  mkdirSync(out, { recursive: true })
  musig('cluster', 'up', '-n', String(N), '--pack', '1', '--seed', 'five signers')
  await make()
  copyFileSync(join(cluster, 'manifest.json'), join(out, 'manifest.json'))
} finally {
  musig('cluster', 'rm')
  rmSync(home, { recursive: true, force: true })
}
