/** `musig keys export`: a key's public half for others, or its file for another machine. Never a bare secret on stdout. */
import { join } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { keysFlag, passphraseFlag } from '../../lib/cli/key-flags.js'
import { readPassphrase } from '../../lib/cli/prompt.js'
import { loadCrypto } from '../../lib/node/crypto.js'
import { Keyring, publicKeyFile, publicKeyJson, type StoredKey } from '../../lib/node/keyring.js'
import { encryptKey, insecureKey, type KeyFile, keyFileText } from '../../lib/node/keystore.js'
import { writePrivateFile } from '../../lib/node/private-file.js'

export default class KeysExport extends MusigCommand {
  static override summary = 'Print what others may know of a key, or its encrypted keystore.'
  static override description =
    'Without flags: the public half, as a manifest takes it. With --keystore: the EIP-2335 keystore; a plain key is encrypted for it. With --insecure --out FILE: the plain key file, to a file (0600) and never to the terminal.'
  static override examples = [
    '<%= config.bin %> keys export alice > alice.pub.json',
    '<%= config.bin %> keys export alice --keystore --out alice-keystore.json',
    '<%= config.bin %> keys export alice --insecure --out alice-plain.json',
  ]
  static override args = { key: Args.string({ ignoreStdin: true, description: 'The key’s name, or the first 6 or more digits of its public key.' }) }
  static override flags = {
    keystore: Flags.boolean({ description: 'The encrypted keystore.', exclusive: ['insecure'] }),
    insecure: Flags.boolean({ description: 'The plain key file; needs --out.', dependsOn: ['out'] }),
    out: Flags.string({ description: 'Write to this file (0600), which must not exist.', helpValue: 'FILE' }),
    ...keysFlag,
    ...passphraseFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(KeysExport)
    const insecure = flags.insecure === true
    const ring = new Keyring(flags.keys ?? join(this.home(flags), 'keys'))
    const key = await ring.find(args.key)
    const ask = (question: string, confirm = false) => readPassphrase({ file: flags['passphrase-file'], question, confirm })
    const text = insecure || flags.keystore ? keyFileText(await this.keyFile(ring, key, insecure, ask)) : await this.publicText(ring, key, ask)
    if (insecure) this.warn('the file is not encrypted: whoever reads it can sign with the key')
    if (flags.out !== undefined) {
      await writePrivateFile(flags.out, text)
      if (!this.jsonEnabled()) this.log(`Wrote ${flags.out}`)
      return { name: key.name, out: flags.out, insecure }
    }
    if (!this.jsonEnabled()) this.log(text.trimEnd())
    const document: unknown = JSON.parse(text)
    if (typeof document !== 'object' || document === null) throw new MusigError('INTERNAL', 'a key file is no object')
    return document
  }

  private async keyFile(
    ring: Keyring,
    key: StoredKey,
    insecure: boolean,
    ask: (question: string, confirm?: boolean) => Promise<string>,
  ): Promise<KeyFile> {
    if (insecure === key.insecure) return key.file
    const open = await ring.open(key, loadCrypto(), () => ask(`Passphrase for key ${key.name}`))
    if (insecure) return insecureKey(open)
    return encryptKey(open, await ask(`New passphrase for the keystore of ${key.name}`, true), { description: `musig ${key.kind} ${key.name}` })
  }

  private async publicText(ring: Keyring, key: StoredKey, ask: (question: string) => Promise<string>): Promise<string> {
    const crypto = loadCrypto()
    const half =
      (await ring.publicHalf(key)) ?? publicKeyFile(crypto, await ring.open(key, crypto, () => ask(`Passphrase for key ${key.name}`)), key.name)
    return JSON.stringify(publicKeyJson(half), null, 2)
  }
}
