/** `musig keys gen`: new keys, encrypted unless asked otherwise, with proofs of possession for signers. */
import { randomBytes } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Flags } from '@oclif/core'
import { toHex } from '../../lib/base/bytes.js'
import { MusigError } from '../../lib/base/errors.js'
import { askSecret } from '../../lib/cli/ask-secret.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { passphraseFlag } from '../../lib/cli/key-flags.js'
import { readPassphrase } from '../../lib/cli/prompt.js'
import { LIMITS } from '../../lib/core/limits.js'
import { loadCrypto } from '../../lib/node/crypto.js'
import { derivePath, mnemonicSeed, newMnemonic, randomSecretKey, signerPath } from '../../lib/node/derivation.js'
import { encryptKeys, type ToEncrypt } from '../../lib/node/encrypt-keys.js'
import { Keyring, type PublicKeyFile, publicKeyFields, publicKeyFile } from '../../lib/node/keyring.js'
import { checkNewPassphrase, insecureKey, type KeyFile, type KeyKind, openSecret } from '../../lib/node/keystore.js'
import { readPrivateFile, writePrivateFile } from '../../lib/node/private-file.js'

export default class KeysGen extends MusigCommand {
  static override summary = 'Make keys: BLS keys for signers, ed25519 keys for clients.'
  static override description =
    'A signer’s key is an EIP-2335 keystore, encrypted with a passphrase; its link key is derived from it. NAME.pub.json beside it holds what others may know: public key, proof of possession, signed link key. No secret is ever printed.'
  static override examples = [
    '<%= config.bin %> keys gen --name alice',
    '<%= config.bin %> keys gen -n 4 --passphrase-file pass.txt --json',
    '<%= config.bin %> keys gen -n 4 --new-mnemonic words.txt',
    '<%= config.bin %> keys gen --name bank --kind client',
    '<%= config.bin %> keys gen -n 31 --insecure --out ./throw-away',
  ]
  static override flags = {
    count: Flags.integer({ char: 'n', description: 'How many.', default: 1, min: 1, max: LIMITS.signers, helpValue: 'N' }),
    name: Flags.string({ description: 'The name; several keys become NAME-0, NAME-1, …', helpValue: 'NAME' }),
    kind: Flags.string({ description: 'Whose keys they are.', options: ['signer', 'client'], default: 'signer' }),
    mnemonic: Flags.boolean({
      description: 'Derive signer keys (EIP-2333) from a mnemonic that the terminal asks for.',
      exclusive: ['mnemonic-file', 'new-mnemonic'],
    }),
    'mnemonic-file': Flags.string({ description: 'Derive from the mnemonic in this file (0600).', helpValue: 'FILE', exclusive: ['new-mnemonic'] }),
    'new-mnemonic': Flags.string({ description: 'Derive from a new mnemonic of 24 words, written to this file (0600).', helpValue: 'FILE' }),
    index: Flags.integer({
      description: 'The first account of the path m/12381/3600/INDEX/0/0.',
      default: 0,
      min: 0,
      max: 2 ** 32 - 1,
      helpValue: 'INDEX',
    }),
    region: Flags.string({ description: 'The signers’ region, for the tree “regional”.', default: '', helpValue: 'NAME' }),
    out: Flags.string({ description: 'Write to this folder (default: keys in the state folder).', helpValue: 'DIR' }),
    insecure: Flags.boolean({ description: 'Do not encrypt: plain files (0600), for clusters that hold nothing of worth.', default: false }),
    ...passphraseFlag,
  }

  async run(): Promise<object> {
    const { flags } = await this.parse(KeysGen)
    const kind: KeyKind = flags.kind === 'client' ? 'client' : 'signer'
    const fromMnemonic = flags.mnemonic || flags['mnemonic-file'] !== undefined || flags['new-mnemonic'] !== undefined
    if (fromMnemonic && kind === 'client')
      throw new MusigError('BAD_INPUT', 'client keys are not derived from a mnemonic; leave the mnemonic or --kind client out')
    const ring = new Keyring(flags.out ?? join(this.home(flags), 'keys'))
    const names = await ring.newNames(flags.count, flags.name, kind)
    const passphrase = flags.insecure ? undefined : await this.newPassphrase(flags['passphrase-file'], names.length)
    const seed = fromMnemonic ? await this.seed(flags) : undefined
    try {
      return await this.make(ring, names, kind, seed, passphrase, flags)
    } catch (error) {
      // Without its keys a new mnemonic is worth nothing.
      if (flags['new-mnemonic'] !== undefined) await unlink(flags['new-mnemonic']).catch(() => undefined)
      throw error
    }
  }

  private async make(
    ring: Keyring,
    names: readonly string[],
    kind: KeyKind,
    seed: Uint8Array | undefined,
    passphrase: string | undefined,
    { index, region }: { index: number; region: string },
  ): Promise<object> {
    const crypto = loadCrypto()
    const made = names.map((name, i) => {
      const path = seed ? signerPath(index + i) : ''
      const secret = seed ? derivePath(seed, path) : kind === 'signer' ? randomSecretKey() : Uint8Array.from(randomBytes(32))
      const key = openSecret(kind, secret, crypto)
      return { key, path, description: `musig ${kind} ${name}`, half: publicKeyFile(crypto, key, name, region) }
    })
    const files = passphrase === undefined ? made.map(({ key }) => insecureKey(key)) : await this.encrypt(made, passphrase)
    await ring.add(made.map(({ half }, i) => ({ half, file: files[i] as KeyFile })))
    const insecure = passphrase === undefined
    if (insecure) this.warn(`${names.length === 1 ? 'this key is' : 'these keys are'} not encrypted: whoever reads the file is the ${kind}`)
    return this.show(
      ring,
      made.map(({ half }) => half),
      insecure,
    )
  }

  private async newPassphrase(file: string | undefined, count: number): Promise<string> {
    const passphrase = await readPassphrase({
      file,
      question: `Passphrase for ${count === 1 ? 'the new key' : `all ${count} new keys`}`,
      confirm: true,
    })
    checkNewPassphrase(passphrase)
    return passphrase
  }

  private async seed(flags: { 'mnemonic-file'?: string | undefined; 'new-mnemonic'?: string | undefined }): Promise<Uint8Array> {
    const [read, write] = [flags['mnemonic-file'], flags['new-mnemonic']]
    if (read !== undefined) return mnemonicSeed(await readPrivateFile(read))
    if (write === undefined) return mnemonicSeed(await askSecret('Mnemonic', 'give --mnemonic-file, or --new-mnemonic for a new one'))
    const mnemonic = newMnemonic()
    await writePrivateFile(write, `${mnemonic}\n`)
    this.warn(`the mnemonic is in ${write}: whoever reads it has all its keys; keep it apart from this machine`)
    return mnemonicSeed(mnemonic)
  }

  private async encrypt(keys: readonly ToEncrypt[], passphrase: string): Promise<KeyFile[]> {
    let files: KeyFile[] = []
    const title = `Encrypt ${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`
    await this.interruptible((signal) =>
      this.steps([
        {
          title,
          run: async (say) => {
            files = await encryptKeys(keys, passphrase, { signal, onDone: (done) => say(`${done} of ${keys.length}`) })
          },
        },
      ]),
    )
    return files
  }

  private async show(ring: Keyring, halves: readonly PublicKeyFile[], insecure: boolean): Promise<object> {
    await this.table(
      ['name', 'kind', 'public key'],
      halves.map((half) => [half.name, half.kind, toHex(half.publicKey)]),
    )
    if (!this.jsonEnabled()) this.log(`in ${ring.folder}`)
    return { keys: halves.map((half) => ({ ...publicKeyFields(half), file: ring.secretPath(half.name), insecure })) }
  }
}
