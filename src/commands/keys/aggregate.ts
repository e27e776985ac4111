/** `musig keys aggregate`: the sum of public keys. */
import { Args, Flags } from '@oclif/core'
import { toHex } from '../../lib/base/bytes.js'
import { MusigError } from '../../lib/base/errors.js'
import { aggregatePublicKeys } from '../../lib/bls/aggregate-keys.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { proofDigest } from '../../lib/core/manifest.js'
import { parsePublicKey, parseSignature } from '../../lib/inspect/verify-signature.js'
import { loadCrypto } from '../../lib/node/crypto.js'

export default class KeysAggregate extends MusigCommand {
  static override summary = 'Add public keys up to one, under which the sum of their signatures over one message verifies.'
  static override description =
    'Every key is checked: 48 bytes, a point of the group, not infinity, no two equal. An aggregate is safe only among keys with proofs of possession: otherwise one signer can choose a rogue key that cancels the others out and sign for all. Give the proofs with --proof, in the order of the keys.'
  static override examples = [
    '<%= config.bin %> keys aggregate 0xb301803f8b… 0xa99a76ed7c…',
    '<%= config.bin %> keys aggregate PK1 PK2 --proof PROOF1 --proof PROOF2 --json',
  ]
  static override strict = false
  static override args = { keys: Args.string({ ignoreStdin: true, description: 'The public keys, in hex.', required: true }) }
  static override flags = {
    proof: Flags.string({ description: 'A proof of possession, once for each key.', multiple: true, multipleNonGreedy: true, helpValue: 'HEX' }),
  }

  async run(): Promise<object> {
    const { argv, flags } = await this.parse(KeysAggregate)
    const { bls } = loadCrypto()
    const keys = argv.map((hex, i) => parsePublicKey(hex, `public key ${i}`))
    keys.forEach((key, i) => {
      if (!bls.isPublicKey(key))
        throw new MusigError('BAD_INPUT', `public key ${i} is no point of the group, or the point at infinity: ${toHex(key).slice(0, 16)}…`)
      const earlier = keys.findIndex((other) => toHex(other) === toHex(key))
      if (earlier < i) throw new MusigError('BAD_INPUT', `public key ${i} is the same as public key ${earlier}; a signer counts once`)
    })
    const proofs = flags.proof?.map((hex, i) => parseSignature(hex, `proof ${i}`))
    if (proofs && proofs.length !== keys.length)
      throw new MusigError('BAD_INPUT', `${proofs.length} proofs for ${keys.length} keys; give one for each, in the same order`)
    proofs?.forEach((proof, i) => {
      const key = keys[i] as Uint8Array
      if (!bls.verify([{ message: proofDigest(key), publicKeys: [key] }], proof))
        throw new MusigError('CHECK_FAILED', `the proof of possession of public key ${i} does not hold`)
    })
    const sum = aggregatePublicKeys(keys)
    if (!sum) throw new MusigError('BAD_INPUT', 'the keys cancel each other out: one of them is a rogue key')
    if (!proofs) this.warn('the aggregate is safe only if the proof of possession of every key was checked; give them with --proof')
    if (!this.jsonEnabled()) this.log(toHex(sum))
    return { aggregate: toHex(sum), publicKeys: keys.map(toHex), proofsChecked: proofs !== undefined }
  }
}
