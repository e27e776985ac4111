/** `musig verify manifest`: whether a manifest is well-formed and every key in it proved, offline. */
import { Args } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { readJsonInput } from '../../lib/cli/input.js'
import { loadManifest, type Manifest, readManifest } from '../../lib/core/manifest.js'
import { loadCrypto } from '../../lib/node/crypto.js'

export default class VerifyManifest extends MusigCommand {
  static override summary = 'Verify a manifest: its form, its order, every public key, proof of possession and signed link key.'
  static override description = 'A manifest that is malformed ends with exit code 2; one whose keys or proofs do not hold with 1.'
  static override examples = ['<%= config.bin %> verify manifest manifest.json', '<%= config.bin %> verify manifest manifest.json --json']
  static override args = { file: Args.string({ ignoreStdin: true, description: 'The manifest, - for stdin.', required: true }) }

  async run(): Promise<object> {
    const { args } = await this.parse(VerifyManifest)
    const json = await readJsonInput(args.file)
    const manifest = readManifest(json)
    const reason = faultOf(json)
    if (reason !== undefined) this.sayNo()
    if (!this.jsonEnabled() && reason !== undefined) this.log(`INVALID: ${reason}`)
    if (!this.jsonEnabled() && reason === undefined) await this.show(manifest)
    const { name, clusterId, epoch, n, quorum, crashBound, asyncByzantineBound, syncByzantineBound, inclusion } = manifest
    const bounds = { n, quorum, crashBound, asyncByzantineBound, syncByzantineBound, inclusion }
    return { valid: reason === undefined, name, clusterId, epoch, ...bounds, ...(reason === undefined ? {} : { reason }) }
  }

  private async show({ name, clusterId, n, quorum, crashBound, asyncByzantineBound, syncByzantineBound, deltaMs }: Manifest): Promise<void> {
    this.log(`Valid: the manifest of “${name}”, every key is proved`)
    await this.table(
      ['field', 'value'],
      [
        ['cluster id', clusterId],
        ['signers', n],
        ['quorum', quorum],
        ['may be down', crashBound],
        ['may lie, at any speed', asyncByzantineBound],
        ['may lie, messages timely', deltaMs > 0 ? syncByzantineBound : `${asyncByzantineBound} (the guard is off)`],
      ],
    )
  }
}

/** The manifest was read before: what is refused now is a key or a proof. */
function faultOf(json: unknown): string | undefined {
  try {
    loadManifest(json, loadCrypto().bls)
    return undefined
  } catch (error) {
    if (error instanceof MusigError && error.code === 'BAD_INPUT') return error.message
    throw error
  }
}
