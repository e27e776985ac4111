/** `musig verify evidence`: a proof of guilt, offline, with the manifest alone. */
import { Args, Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions } from '../../lib/cli/drawing.js'
import { readJsonInput } from '../../lib/cli/input.js'
import { provedManifests } from '../../lib/cluster/proved-manifest.js'
import { evidenceText, verifyEvidenceFile } from '../../lib/inspect/verify-evidence.js'
import { loadCrypto } from '../../lib/node/crypto.js'

export default class VerifyEvidence extends MusigCommand {
  static override summary = 'Verify evidence: the proof that signers broke the protocol, offline, with the manifest alone.'
  static override description =
    'Evidence as a signer keeps it, a file for each proof, in the folder “evidence” of its store. Checked: the manifest’s proofs of possession, every signature in it, and that the two halves contradict one another. Named are only signers who signed both. Without --manifest those in the cluster’s folder are taken, of all its epochs; no signer is asked. Exit code 1: it does not hold. 2: it is malformed.'
  static override examples = [
    '<%= config.bin %> verify evidence double-vote-3f2a91.json --manifest manifest.json',
    '<%= config.bin %> verify evidence - --manifest manifest.json --json < evidence.json',
  ]
  static override args = { file: Args.string({ ignoreStdin: true, description: 'The evidence, - for stdin.', required: true }) }
  static override flags = {
    manifest: Flags.string({ description: 'The cluster’s manifest.', helpValue: 'FILE' }),
    bls: Flags.option({ description: 'Which implementation verifies.', options: ['blst', 'noble'] as const })(),
    ...clusterFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(VerifyEvidence)
    const json = await readJsonInput(args.file)
    const crypto = loadCrypto(flags.bls)
    const given = flags.manifest === undefined ? undefined : await readJsonInput(flags.manifest)
    const manifests = provedManifests(given, { home: this.home(flags), cluster: flags.cluster }, crypto.bls)
    const name = args.file === '-' ? 'stdin' : args.file
    // Evidence does not say in all its forms from which epoch it is.
    const [latest] = manifests
    const manifest = manifests.find((one) => verifyEvidenceFile(crypto, one, json, name).valid) ?? latest
    const verdict = verifyEvidenceFile(crypto, manifest, json, name)
    if (!verdict.valid) this.sayNo()
    if (!this.jsonEnabled()) this.log(evidenceText(verdict, manifest, textOptions()).trimEnd())
    return verdict
  }
}
