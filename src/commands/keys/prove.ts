/** `musig keys prove`: a signer's proof of possession, as a manifest wants it. */
import { join } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { keysFlag, passphraseFlag } from '../../lib/cli/key-flags.js'
import { readPassphrase } from '../../lib/cli/prompt.js'
import { loadCrypto } from '../../lib/node/crypto.js'
import { checkPublicKey, Keyring, type PublicSigner, publicKeyFile, publicKeyJson, type StoredKey } from '../../lib/node/keyring.js'

export default class KeysProve extends MusigCommand {
  static override summary = 'Print a signer’s proof of possession and its signed link key.'
  static override description =
    'The proof that was written with the key is printed if it still holds; otherwise, or with --fresh, it is made again, for which the key is opened.'
  static override examples = [
    '<%= config.bin %> keys prove alice',
    '<%= config.bin %> keys prove alice --json > alice.pub.json && <%= config.bin %> verify pop alice.pub.json',
  ]
  static override args = { key: Args.string({ ignoreStdin: true, description: 'The key’s name, or the first 6 or more digits of its public key.' }) }
  static override flags = { fresh: Flags.boolean({ description: 'Make the proof again.' }), ...keysFlag, ...passphraseFlag }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(KeysProve)
    const ring = new Keyring(flags.keys ?? join(this.home(flags), 'keys'))
    const key = await ring.find(args.key)
    if (key.kind !== 'signer') throw new MusigError('BAD_INPUT', `${key.name} is a client’s key; only signers prove possession`)
    const kept = flags.fresh ? undefined : await this.kept(ring, key)
    const half = kept ?? (await this.made(ring, key, flags['passphrase-file']))
    const json = publicKeyJson(half)
    await this.table(
      ['field', 'value'],
      Object.entries(json)
        .filter(([field]) => ['publicKey', 'proof', 'linkKey', 'linkSignature'].includes(field))
        .map(([field, value]) => [field, String(value)]),
    )
    return json
  }

  private async kept(ring: Keyring, key: StoredKey): Promise<PublicSigner | undefined> {
    const half = await ring.publicHalf(key)
    return half?.kind === 'signer' && checkPublicKey(loadCrypto(), half) === undefined ? half : undefined
  }

  private async made(ring: Keyring, key: StoredKey, file: string | undefined): Promise<PublicSigner> {
    const crypto = loadCrypto()
    const open = await ring.open(key, crypto, () => readPassphrase({ file, question: `Passphrase for key ${key.name}` }))
    const earlier = await ring.publicHalf(key)
    const half = publicKeyFile(crypto, open, key.name, earlier?.kind === 'signer' ? earlier.region : '')
    if (half.kind !== 'signer') throw new MusigError('INTERNAL', 'a signer’s key has a client’s public half')
    await ring.putPublicHalf(half)
    return half
  }
}
