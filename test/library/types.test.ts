/** A project that depends on the packed package finds the types of both entries under each way of resolving modules, and can load both from ESM and CommonJS. */
// time limit: 300 s
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as library from '../../src/index.js'
import { Project } from './packed.js'

const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))

/** Uses what a program would, and needs the types to be right: `@ts-expect-error` fails where nothing is wrong. */
const PURE = `
import {
  boundsOf, buildTree, type CertificateVerdict, countVotes, deriveOrder, drawOrderSvg, drawTreeSvg, Ledger, loadManifest, type Manifest, manifestToJson, MusigError,
  newTransaction, type ProvedManifest, readManifest, type Receipt, simulate, type StateMachine, transferPayload, verifyCertificate, verifySignature, signatureClaim,
} from 'musig-paxos/pure'

export function check(manifest: ProvedManifest, json: unknown): CertificateVerdict {
  try {
    return verifyCertificate(manifest, json)
  } catch (error) {
    if (error instanceof MusigError && error.code === 'BAD_INPUT') throw new Error(error.message)
    throw error
  }
}
const manifest = loadManifest({})
const svg: string = drawOrderSvg(deriveOrder({ n: 4, batches: { A: ['k'] }, arrivals: [['A'], ['A'], ['A'], ['A']] })) + drawTreeSvg(buildTree(manifest, '', 0))
const machine: StateMachine = new Ledger()
const transaction = newTransaction(manifest, { ...transferPayload('alice', 'bob', 1), secretKey: new Uint8Array(32) })
const reason: string | undefined = machine.check(transaction)
const quorum: number = boundsOf(7).quorum + countVotes([{ signer: 0, before: [] }], manifest).votes
const receipt: Receipt = { ok: false, reason: \`\${simulate({ n: 4 }).verdict} \${svg} \${reason} \${quorum}\` }
verifySignature(signatureClaim(manifest, receipt), { manifest }).faulty?.map((signer: number) => signer)
const told: Manifest = readManifest(manifestToJson(manifest))
// @ts-expect-error: its proofs were not checked
check(told, {})
// @ts-expect-error: the tolerance is text
boundsOf(7, 0.5)
// @ts-expect-error: a verdict has no such field
check(manifest, {}).ok
// @ts-expect-error: the client is Node's
export { Client } from 'musig-paxos/pure'
`

const NODE = `
import { Client, loadCrypto, loadManifest, manifestToJson, newTransaction, openPayload, type TransactionResult, verifyCertificate } from 'musig-paxos'

export async function open(clusterFile: string): Promise<TransactionResult> {
  const crypto = loadCrypto()
  const client = new Client({ clusterFile })
  const manifest = loadManifest(manifestToJson(await client.manifest()), { crypto })
  const result = await client.submit(newTransaction(manifest, openPayload('alice')), { to: 1, wait: 'none' })
  const { valid, signers } = verifyCertificate(manifest, await client.certificate(result.txId), { crypto })
  const receipt: string = result.receipt?.ok === false ? result.receipt.reason : String(valid && signers.length)
  // @ts-expect-error: to is a number
  await client.submit(newTransaction(manifest, { deps: [], payload: new Uint8Array() }), { to: receipt })
  return result
}
`

const RESOLUTIONS = [
  { module: 'node16', moduleResolution: 'node16' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
]

const project = new Project(['@types/node', '@types/ws', 'undici-types'])
test.after(() => project.remove())

/** Type-checks one file strictly, the package's declarations included; what is wrong, a line each. */
async function typeCheck(file: string, options: object): Promise<string> {
  const compilerOptions = {
    target: 'es2023',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    ...options,
  }
  project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }))
  const { stdout, stderr } = await project.node([TSC, '-p', 'tsconfig.json'])
  return stdout + stderr
}

for (const resolution of RESOLUTIONS) {
  test(`types of musig-paxos/pure, ${resolution.moduleResolution}, without Node's and the browser's`, async () => {
    project.write('pure.ts', PURE)
    assert.is(await typeCheck('pure.ts', { ...resolution, lib: ['es2023'], types: [], skipLibCheck: false }), '')
  })

  test(`types of musig-paxos, ${resolution.moduleResolution}`, async () => {
    project.write('node.ts', NODE)
    assert.is(await typeCheck('node.ts', { ...resolution, lib: ['es2023'], types: ['node'], skipLibCheck: false }), '')
  })
}

test('a CommonJS file of a project has the types too, and can load both', async () => {
  project.write(
    'common.cts',
    "import pure = require('musig-paxos/pure')\nimport node = require('musig-paxos')\nexport const both = [pure.boundsOf(4).n, node.Client]\n",
  )
  assert.is(await typeCheck('common.cts', { module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2023'], types: ['node'] }), '')
  const { stdout, stderr } = await project.node([
    '--no-warnings',
    '--eval',
    "console.log(require('musig-paxos/pure').boundsOf(4).quorum, typeof require('musig-paxos').Client)",
  ])
  assert.is(stdout, '4 function\n', stderr)
})

test('both entries load with the packages that are named as dependencies, and give the same functions', async () => {
  const script = `
    import * as all from 'musig-paxos'
    import * as pure from 'musig-paxos/pure'
    for (const [name, value] of Object.entries(pure)) if (all[name] !== value) throw new Error(name)
    console.log(Object.keys(all).sort().join())`
  const { stdout, stderr } = await project.node(['--input-type=module', '--eval', script])
  assert.is(stdout.trim(), Object.keys(library).sort().join(), stderr)
})

test('nothing else of the package can be imported, and what is packed holds no sources', async () => {
  const { stderr } = await project.node(['--input-type=module', '--eval', "import 'musig-paxos/dist/lib/core/signer.js'"])
  assert.match(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/)
  const { stdout } = await project.node([
    '--eval',
    `console.log(require('node:fs').readdirSync(${JSON.stringify(join(project.installed))}).sort().join())`,
  ])
  assert.is(stdout.trim(), 'CHANGELOG.md,LICENSE,README.md,bin,dist,docs,examples,oclif.manifest.json,package.json,templates')
})

test.run()
