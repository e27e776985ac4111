/** The native backend and node's Ed25519 pass the compliance suites; how a process chooses its signing. */
import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { noble } from '../../src/lib/bls/noble.js'
import { blst, blstFault } from '../../src/lib/node/blst.js'
import { loadCrypto } from '../../src/lib/node/crypto.js'
import { nodeEd25519 } from '../../src/lib/node/ed25519.js'
import { blsCompliance, ed25519Compliance } from '../bls/compliance.js'

blsCompliance(test, blst)
ed25519Compliance(test, 'node Ed25519', nodeEd25519)

test('a process signs natively where it can, never with the fake', () => {
  assert.is(blstFault(), undefined)
  assert.is(loadCrypto().bls, blst)
  assert.is(loadCrypto().fallbackReason, undefined)
  assert.is(loadCrypto('blst').bls, blst)
  assert.is(loadCrypto('noble').bls, noble)
  for (const crypto of [loadCrypto(), loadCrypto('noble')]) assert.is(crypto.ed25519, nodeEd25519)
})

test('where the native module cannot be loaded a process says why and uses noble, or stops if it was asked for blst', () => {
  const block = `import Module from 'node:module'
    const resolve = Module._resolveFilename
    Module._resolveFilename = function (name, ...rest) {
      if (name === '@chainsafe/blst') throw new Error('no such binary')
      return resolve.call(this, name, ...rest)
    }`
  const script = `import { loadCrypto } from '${new URL('../../src/lib/node/crypto.ts', import.meta.url).href}'
    const { bls, fallbackReason } = loadCrypto()
    let error
    try { loadCrypto('blst') } catch (e) { error = e }
    console.log(JSON.stringify({ name: bls.name, fallbackReason, code: error?.code }))`
  const args = ['--import', 'tsx', '--import', `data:text/javascript,${encodeURIComponent(block)}`, '--input-type=module', '-e', script]
  const answer = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 }))
  assert.is(answer.name, 'noble')
  assert.match(answer.fallbackReason, 'no such binary')
  assert.is(answer.code, 'NOT_FOUND')
})

test.run()
