/** `musig query`: reads from the state machine of a signer. */
import { Args } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../lib/cli/base-command.js'
import { fromFlag } from '../lib/cli/tx-flags.js'
import { withCluster } from '../lib/cluster/connection.js'

export default class Query extends MusigCommand {
  static override summary = 'Read from the state machine.'
  static override description =
    'What one signer has executed so far; another one may be a little ahead. The ledger knows acct:NAME and accounts, the documents doc:ID and documents. Nothing at the path ends with exit code 2.'
  static override examples = [
    '<%= config.bin %> query acct:alice',
    '<%= config.bin %> query accounts --json',
    '<%= config.bin %> query doc:1 --from 3',
  ]
  static override args = { path: Args.string({ ignoreStdin: true, description: 'What to read.', required: true }) }
  static override flags = { ...fromFlag, ...clusterFlag }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Query)
    const { cluster, from } = flags
    const value = await withCluster({ home: this.home(flags), cluster }, ({ client }) => client.query(args.path, { from }))
    if (!this.jsonEnabled()) this.log(typeof value === 'string' ? value : JSON.stringify(value, null, 2))
    return { path: args.path, value }
  }
}
