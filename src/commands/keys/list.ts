/** `musig keys list`: the keys of a folder, without opening them. */
import { join } from 'node:path'
import { toHex } from '../../lib/base/bytes.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { keysFlag } from '../../lib/cli/key-flags.js'
import { Keyring } from '../../lib/node/keyring.js'

export default class KeysList extends MusigCommand {
  static override summary = 'List the keys.'
  static override examples = ['<%= config.bin %> keys list', '<%= config.bin %> keys list --json', '<%= config.bin %> keys list --keys ./throw-away']
  static override flags = { ...keysFlag }

  async run(): Promise<object> {
    const { flags } = await this.parse(KeysList)
    const ring = new Keyring(flags.keys ?? join(this.home(flags), 'keys'))
    const keys = (await ring.list()).map(({ name, kind, publicKey, path, insecure }) => ({
      name,
      kind,
      publicKey: toHex(publicKey),
      file: path,
      insecure,
    }))
    if (keys.length === 0 && !this.jsonEnabled()) this.log(`No keys in ${ring.folder}; make one with: musig keys gen`)
    else
      await this.table(
        ['name', 'kind', 'form', 'public key'],
        keys.map((key) => [key.name, key.kind, key.insecure ? 'insecure' : 'encrypted', key.publicKey]),
      )
    return { keys }
  }
}
