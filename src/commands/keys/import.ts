/** `musig keys import`: takes a keystore from elsewhere into the folder of keys. */
import { join } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { keysFlag, passphraseFlag } from '../../lib/cli/key-flags.js'
import { readPassphrase } from '../../lib/cli/prompt.js'
import { loadCrypto } from '../../lib/node/crypto.js'
import { Keyring, publicKeyFile, publicKeyJson } from '../../lib/node/keyring.js'
import { parseKeyFile, unlockKey } from '../../lib/node/keystore.js'
import { readPrivateFile } from '../../lib/node/private-file.js'

export default class KeysImport extends MusigCommand {
  static override summary = 'Import an EIP-2335 keystore or a key file of musig.'
  static override description =
    'The key is opened once, to see that its secret belongs to its public key and to make its proof of possession; it stays encrypted under the passphrase that it has.'
  static override examples = [
    '<%= config.bin %> keys import keystore-m_12381_3600_0_0_0.json --name alice',
    '<%= config.bin %> keys import alice.json --passphrase-file pass.txt',
  ]
  static override args = { file: Args.string({ ignoreStdin: true, description: 'The keystore.', required: true }) }
  static override flags = {
    name: Flags.string({ description: 'Its name here (default: the next free one).', helpValue: 'NAME' }),
    region: Flags.string({ description: 'The signer’s region.', default: '', helpValue: 'NAME' }),
    ...keysFlag,
    ...passphraseFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(KeysImport)
    const crypto = loadCrypto()
    const ring = new Keyring(flags.keys ?? join(this.home(flags), 'keys'))
    const file = await parseKeyFile(await readPrivateFile(args.file, { loose: true }), args.file)
    // An encrypted file may come from anywhere; a plain one that others could read is no secret any more.
    if (file.type === 'insecure') await readPrivateFile(args.file)
    const [name = ''] = await ring.newNames(1, flags.name, file.kind)
    const passphrase =
      file.type === 'encrypted' ? await readPassphrase({ file: flags['passphrase-file'], question: `Passphrase of ${args.file}` }) : undefined
    const key = await unlockKey(file, crypto, passphrase, args.file)
    const half = publicKeyFile(crypto, key, name, flags.region)
    await ring.add([{ half, file: { ...file, publicKey: key.publicKey } }])
    if (file.type === 'insecure') this.warn('this key is not encrypted: whoever reads the file can sign with it')
    const json = publicKeyJson(half)
    if (!this.jsonEnabled()) this.log(`Imported ${half.kind} ${name} as ${ring.secretPath(name)}`)
    return { ...json, file: ring.secretPath(name), insecure: file.type === 'insecure' }
  }
}
