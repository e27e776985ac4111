/** `musig sign`: one BLS signature over a message, with a key of the folder. */
import { join } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { fromHex, toHex } from '../lib/base/bytes.js'
import { MusigError } from '../lib/base/errors.js'
import { MusigCommand } from '../lib/cli/base-command.js'
import { readInput } from '../lib/cli/input.js'
import { keysFlag, passphraseFlag } from '../lib/cli/key-flags.js'
import { readPassphrase } from '../lib/cli/prompt.js'
import { parseMessage } from '../lib/inspect/verify-signature.js'
import { loadCrypto } from '../lib/node/crypto.js'
import { Keyring } from '../lib/node/keyring.js'

/** Every statement of the protocol is signed as a digest of this length. */
const DIGEST_BYTES = 32

export default class Sign extends MusigCommand {
  static override summary = 'Sign a message with a signer’s BLS key.'
  static override description =
    'MESSAGE is text, or bytes where it begins with 0x. What is signed is the message itself, without a tag of the protocol. With --json the result is a document that “musig verify sig -” takes.'
  static override examples = [
    '<%= config.bin %> sign "hello" --key alice',
    '<%= config.bin %> sign 0xdeadbeef --key alice',
    '<%= config.bin %> sign deadbeef --hex',
    '<%= config.bin %> sign release.tar.gz --file --json',
    '<%= config.bin %> sign hello --json | <%= config.bin %> verify sig -',
  ]
  static override args = {
    message: Args.string({ ignoreStdin: true, description: 'The message; with --file the file that holds it, or - for stdin.', required: true }),
  }
  static override flags = {
    key: Flags.string({
      description: 'The key, by name or by the first 6 or more digits of its public key (default: the only one).',
      helpValue: 'NAME',
    }),
    hex: Flags.boolean({ description: 'MESSAGE is hex.', exclusive: ['file'] }),
    file: Flags.boolean({ description: 'MESSAGE is the name of a file whose bytes are signed.' }),
    ...keysFlag,
    ...passphraseFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Sign)
    const message = flags.file ? await readInput(args.message) : flags.hex ? fromHex(args.message, 'the message') : parseMessage(args.message)
    const ring = new Keyring(flags.keys ?? join(this.home(flags), 'keys'))
    const stored = await ring.find(flags.key)
    if (stored.kind !== 'signer') throw new MusigError('BAD_INPUT', `${stored.name} is a client’s key; BLS signatures are made with a signer’s key`)
    if (message.length === DIGEST_BYTES)
      this.warn('the message has 32 bytes: were it the digest of a statement, this signature would be that statement, as if the signer had made it')
    const crypto = loadCrypto()
    const key = await ring.open(stored, crypto, () =>
      readPassphrase({ file: flags['passphrase-file'], question: `Passphrase for key ${stored.name}` }),
    )
    const signature = toHex(crypto.bls.sign(key.secretKey, message))
    if (!this.jsonEnabled()) this.log(signature)
    return { key: stored.name, publicKeys: [toHex(key.publicKey)], messages: [`0x${toHex(message)}`], signature }
  }
}
