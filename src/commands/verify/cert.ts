/** `musig verify cert`: a certificate, offline, with the manifest alone. */
import { Args, Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions } from '../../lib/cli/drawing.js'
import { readJsonInput } from '../../lib/cli/input.js'
import { provedManifest } from '../../lib/cluster/proved-manifest.js'
import { certificateText } from '../../lib/inspect/certificate-text.js'
import { readCertificateFile, verifyCertificate } from '../../lib/inspect/verify-certificate.js'
import { loadCrypto } from '../../lib/node/crypto.js'

export default class VerifyCert extends MusigCommand {
  static override summary = 'Verify a certificate: the proof that a batch is committed, offline, with the manifest alone.'
  static override description =
    'The certificate as tx show --certificate saves it, or as GET /api/certificates/ID answers. Checked: the manifest’s proofs of possession, the aggregate signature, the quorum, the batch and its initiator’s signature, and, for the fast path, that every pair is decisive, as far as that follows from the certificate alone. Without --manifest the one in the cluster’s folder is taken, of the certificate’s epoch; no signer is asked. Exit code 1: it does not hold. 2: it is malformed.'
  static override examples = [
    '<%= config.bin %> tx show 3f2a91 --certificate certificate.json && <%= config.bin %> verify cert certificate.json',
    '<%= config.bin %> verify cert certificate.json --manifest manifest.json --json',
    'curl -s http://127.0.0.1:7000/api/certificates/3f2a91 | <%= config.bin %> verify cert - --manifest manifest.json',
  ]
  static override args = { file: Args.string({ ignoreStdin: true, description: 'The certificate, - for stdin.', required: true }) }
  static override flags = {
    manifest: Flags.string({ description: 'The cluster’s manifest.', helpValue: 'FILE' }),
    bls: Flags.option({ description: 'Which implementation verifies.', options: ['blst', 'noble'] as const })(),
    ...clusterFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(VerifyCert)
    const file = readCertificateFile(await readJsonInput(args.file), args.file === '-' ? 'stdin' : args.file)
    const crypto = loadCrypto(flags.bls)
    const given = flags.manifest === undefined ? undefined : await readJsonInput(flags.manifest)
    const manifest = provedManifest(given, { home: this.home(flags), cluster: flags.cluster }, crypto.bls, file.certificate.epoch)
    const verdict = verifyCertificate(crypto, manifest, file)
    if (!verdict.valid) this.sayNo()
    if (!this.jsonEnabled()) this.log(certificateText(verdict, manifest.n, textOptions()).trimEnd())
    return verdict
  }
}
