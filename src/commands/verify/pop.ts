/** `musig verify pop`: whether a proof of possession holds, offline. */
import { Args, Flags } from '@oclif/core'
import { toHex } from '../../lib/base/bytes.js'
import { MusigError } from '../../lib/base/errors.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { readJsonInput } from '../../lib/cli/input.js'
import { proofDigest } from '../../lib/core/manifest.js'
import { parsePublicKey, parseSignature } from '../../lib/inspect/verify-signature.js'
import { loadCrypto } from '../../lib/node/crypto.js'
import { checkPublicKey, readPublicKey } from '../../lib/node/keyring.js'

export default class VerifyPop extends MusigCommand {
  static override summary = 'Verify a proof of possession: that somebody holds the secret key of a BLS public key.'
  static override description =
    'Give --pubkey and --proof, or the document that “musig keys prove --json” or “musig keys export” prints; with it the signed link key is checked too.'
  static override examples = [
    '<%= config.bin %> verify pop alice.pub.json',
    '<%= config.bin %> verify pop --pubkey 0xb301803f8b… --proof 0x8f1c…',
    '<%= config.bin %> keys prove alice --json | <%= config.bin %> verify pop -',
  ]
  static override args = { file: Args.string({ ignoreStdin: true, description: 'A signer’s public key file, - for stdin.' }) }
  static override flags = {
    pubkey: Flags.string({ description: 'The public key in hex.', dependsOn: ['proof'], helpValue: 'HEX' }),
    proof: Flags.string({ description: 'The proof in hex.', dependsOn: ['pubkey'], helpValue: 'HEX' }),
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(VerifyPop)
    const { publicKey, reason } = args.file === undefined ? checkFlags(flags.pubkey, flags.proof) : await checkFile(args.file, flags.pubkey)
    const valid = reason === undefined
    if (!valid) this.sayNo()
    if (!this.jsonEnabled()) this.log(valid ? `Valid: the secret key of ${toHex(publicKey)} is held by who made the proof` : `INVALID: ${reason}`)
    return { valid, publicKey: toHex(publicKey), ...(valid ? {} : { reason }) }
  }
}

interface Checked {
  publicKey: Uint8Array
  reason: string | undefined
}

function checkFlags(pubkey: string | undefined, proofHex: string | undefined): Checked {
  if (pubkey === undefined || proofHex === undefined) throw new MusigError('BAD_INPUT', 'nothing to verify; give --pubkey and --proof, or a file')
  const { bls } = loadCrypto()
  const publicKey = parsePublicKey(pubkey)
  const proof = parseSignature(proofHex, 'the proof')
  if (!bls.isPublicKey(publicKey)) return { publicKey, reason: 'the public key is no point of the group, or the point at infinity' }
  const holds = bls.verify([{ message: proofDigest(publicKey), publicKeys: [publicKey] }], proof)
  return { publicKey, reason: holds ? undefined : 'the proof of possession does not hold' }
}

async function checkFile(file: string, pubkey: string | undefined): Promise<Checked> {
  if (pubkey !== undefined) throw new MusigError('BAD_INPUT', 'give either a file or --pubkey and --proof, not both')
  const half = readPublicKey(await readJsonInput(file), file === '-' ? 'stdin' : file)
  if (half.kind !== 'signer') throw new MusigError('BAD_INPUT', `${file} is a client’s public key; only signers prove possession`)
  return { publicKey: half.publicKey, reason: checkPublicKey(loadCrypto(), half) }
}
