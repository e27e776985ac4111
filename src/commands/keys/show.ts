/** `musig keys show`: what others may know of one key, without opening it. */
import { join } from 'node:path'
import { Args } from '@oclif/core'
import { toHex } from '../../lib/base/bytes.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { keysFlag } from '../../lib/cli/key-flags.js'
import { Keyring, publicKeyJson } from '../../lib/node/keyring.js'

export default class KeysShow extends MusigCommand {
  static override summary = 'Show one key: its kind, public key, proof of possession and file. Never its secret.'
  static override examples = ['<%= config.bin %> keys show alice', '<%= config.bin %> keys show b5bfd7 --json']
  static override args = {
    key: Args.string({
      ignoreStdin: true,
      description: 'The key’s name, or the first 6 or more digits of its public key; may be left out where there is only one.',
    }),
  }
  static override flags = { ...keysFlag }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(KeysShow)
    const ring = new Keyring(flags.keys ?? join(this.home(flags), 'keys'))
    const key = await ring.find(args.key)
    const half = await ring.publicHalf(key)
    const path = key.file.type === 'encrypted' ? key.file.keystore.path : ''
    const shown: Record<string, unknown> = {
      name: key.name,
      kind: key.kind,
      publicKey: toHex(key.publicKey),
      ...(half ? publicKeyJson(half) : {}),
      ...(path ? { path } : {}),
      file: key.path,
      insecure: key.insecure,
    }
    if (!half && key.kind === 'signer') this.warn(`the proof of possession is not at hand; make it with: musig keys prove ${key.name}`)
    await this.table(
      ['field', 'value'],
      Object.entries(shown)
        .filter(([field, value]) => field !== 'schema' && value !== '')
        .map(([field, value]) => [field, String(value)]),
    )
    return shown
  }
}
