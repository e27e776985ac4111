/**
 * `musig verify sig`: one signature or many, from flags, a file, stdin or a transaction's certificate; says who signed and, where it can be told, who is at
 * fault.
 */
import { Args, Flags } from '@oclif/core'
import { toHex } from '../../lib/base/bytes.js'
import { MusigError } from '../../lib/base/errors.js'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions } from '../../lib/cli/drawing.js'
import { readInput, readJsonInput } from '../../lib/cli/input.js'
import { parsePrefix } from '../../lib/cli/prefix.js'
import { type Place, withCluster } from '../../lib/cluster/connection.js'
import { provedManifest } from '../../lib/cluster/proved-manifest.js'
import { loadManifest } from '../../lib/core/manifest.js'
import { certificateText } from '../../lib/inspect/certificate-text.js'
import { type CertificateFile, isCertificateFile, readCertificateFile, verifyCertificate } from '../../lib/inspect/verify-certificate.js'
import { makeClaim, readClaim, readDocuments, type SignatureClaim, type SignatureVerdict, verifyClaim } from '../../lib/inspect/verify-signature.js'
import { loadCrypto } from '../../lib/node/crypto.js'

/** Signers shown one by one; more are counted. */
const SHOWN = 64

export default class VerifySig extends MusigCommand {
  static override summary = 'Verify a signature, or a multi-signature of several signers, offline.'
  static override description =
    'Give public keys, messages and the signature with flags, or a file (- for stdin) with a JSON document {publicKeys, messages, signature, signatures?}, a list or JSON lines of those. A message is text, or bytes where it begins with 0x; one for all keys or one for each. Where it fails and each signer’s own signature is given (--share, signatures), it says who is at fault. A certificate (tx show --certificate) does as well, and --tx fetches one; both are checked against --manifest or else the cluster’s own. A multi-signature is only worth something among keys with proofs of possession: --manifest checks them.'
  static override examples = [
    '<%= config.bin %> verify sig --pubkey 0xb301803f8b… --message hello --signature 0x8f1c…',
    '<%= config.bin %> verify sig --pubkey PK1 --pubkey PK2 --message 0xdead --message 0xbeef --signature SUM',
    '<%= config.bin %> verify sig signature.json --manifest manifest.json --json',
    'cat signatures.jsonl | <%= config.bin %> verify sig -',
    '<%= config.bin %> verify sig --tx 3f2a91',
  ]
  static override args = { file: Args.string({ ignoreStdin: true, description: 'A file with JSON or JSON lines, - for stdin.' }) }
  static override flags = {
    pubkey: Flags.string({ description: 'A public key in hex, once for each signer.', multiple: true, multipleNonGreedy: true, helpValue: 'HEX' }),
    message: Flags.string({
      description: 'What was signed: 0x… or text, once, or once for each key.',
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'TEXT',
    }),
    signature: Flags.string({ description: 'The signature, or the sum of all signers’ signatures, in hex.', helpValue: 'HEX' }),
    share: Flags.string({ description: 'One signer’s own signature, once for each key.', multiple: true, multipleNonGreedy: true, helpValue: 'HEX' }),
    manifest: Flags.string({
      description: 'The cluster’s manifest: keys must be in it, signers get its numbers, the quorum is shown.',
      helpValue: 'FILE',
    }),
    tx: Flags.string({
      description: 'Fetch the certificate of this transaction or batch from the cluster and verify its signature here.',
      helpValue: 'ID',
    }),
    ...clusterFlag,
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(VerifySig)
    const { pubkey, message, signature, share, tx } = flags
    if (tx !== undefined && [args.file, pubkey, message, signature, share].some((other) => other !== undefined))
      throw new MusigError('BAD_INPUT', 'give either --tx, a file, or --pubkey, --message and --signature')
    const place = { home: this.home(flags), cluster: flags.cluster }
    if (tx !== undefined) return this.certificate(await fetched(tx, place), flags.manifest, place)
    const documents = args.file === undefined ? undefined : await documentsOf(args.file, [pubkey, message, signature, share])
    const [document] = documents?.documents ?? []
    if (documents?.single && isCertificateFile(document))
      return this.certificate(readCertificateFile(document, documents.what), flags.manifest, place)
    const single = documents?.single ?? true
    const claims = documents ? claimsOf(documents) : [claimOfFlags(pubkey, message, signature, share)]
    const { bls } = loadCrypto()
    const manifest = flags.manifest === undefined ? undefined : loadManifest(await readJsonInput(flags.manifest), bls)
    const verdicts = claims.map((claim) => verifyClaim(bls, claim, manifest))
    const valid = verdicts.every((verdict) => verdict.valid)
    if (!valid) this.sayNo()
    if (!manifest && claims.some((claim) => claim.publicKeys.length > 1)) {
      this.warn('proofs of possession were not checked: without them a multi-signature can be forged with a rogue key; --manifest checks them')
    }
    const [verdict] = verdicts
    const [claim] = claims
    if (single && verdict && claim) {
      await this.show(claim, verdict)
      return verdict
    }
    if (!this.jsonEnabled()) for (const [i, one] of verdicts.entries()) this.log(`${i}: ${sentence(one)}`)
    if (!this.jsonEnabled()) this.log(`${verdicts.filter((one) => one.valid).length} of ${verdicts.length} valid`)
    return { valid, results: verdicts }
  }

  /** The verdict on a certificate's signature, against the manifest given or the cluster's own. */
  private async certificate(file: CertificateFile, manifestFile: string | undefined, place: Place): Promise<object> {
    const crypto = loadCrypto()
    const manifest = provedManifest(manifestFile === undefined ? undefined : await readJsonInput(manifestFile), place, crypto.bls)
    const verdict = verifyCertificate(crypto, manifest, file)
    if (!verdict.valid) this.sayNo()
    if (!this.jsonEnabled()) this.log(certificateText(verdict, manifest.n, textOptions()).trimEnd())
    return verdict
  }

  private async show(claim: SignatureClaim, verdict: SignatureVerdict): Promise<void> {
    if (this.jsonEnabled()) return
    this.log(sentence(verdict))
    const keys = claim.publicKeys.slice(0, SHOWN)
    if (verdict.signers.length < claim.publicKeys.length) return
    await this.table(
      ['signer', 'public key', 'message', ...(verdict.faulty ? ['share'] : [])],
      keys.map((key, i) => [verdict.signers[i], toHex(key), short(claim.messages[i]), ...(verdict.faulty ? [shareOf(verdict, i)] : [])]),
    )
    if (keys.length < claim.publicKeys.length) this.log(`and ${claim.publicKeys.length - keys.length} more`)
  }
}

interface Documents {
  what: string
  documents: unknown[]
  single: boolean
}

async function documentsOf(file: string, others: readonly unknown[]): Promise<Documents> {
  if (others.some((other) => other !== undefined))
    throw new MusigError('BAD_INPUT', 'give either a file or --pubkey, --message and --signature, not both')
  const what = file === '-' ? 'stdin' : file
  return { what, ...readDocuments(Buffer.from(await readInput(file)).toString('utf8'), what) }
}

function claimsOf({ what, documents, single }: Documents): SignatureClaim[] {
  return documents.map((document, i) => readClaim(document, single ? what : `${what}, signature ${i}`))
}

async function fetched(tx: string, place: Place): Promise<CertificateFile> {
  const id = parsePrefix(tx, 'transaction')
  return readCertificateFile(await withCluster(place, ({ client }) => client.certificate(id)), 'the signer’s answer')
}

function claimOfFlags(
  pubkey: string[] | undefined,
  message: string[] | undefined,
  signature: string | undefined,
  share: string[] | undefined,
): SignatureClaim {
  if (!pubkey || !message || signature === undefined) {
    const missing = [pubkey ? '' : '--pubkey', message ? '' : '--message', signature === undefined ? '--signature' : ''].filter((flag) => flag !== '')
    throw new MusigError('BAD_INPUT', `nothing to verify: ${missing.join(', ')} missing; give all three, or a file`)
  }
  return makeClaim(pubkey, message, signature, share)
}

function shareOf(verdict: SignatureVerdict, place: number): string {
  return verdict.faulty?.includes(verdict.signers[place] ?? -1) ? 'WRONG' : 'right'
}

function short(message: Uint8Array | undefined): string {
  const hex = toHex(message ?? new Uint8Array())
  return hex.length <= 32 ? `0x${hex}` : `0x${hex.slice(0, 31)}…`
}

function sentence({ valid, signers, distinctMessages, quorum, reachesQuorum, faulty, reason }: SignatureVerdict): string {
  const who = `${signers.length} ${signers.length === 1 ? 'signer' : 'signers'}, ${distinctMessages} distinct ${distinctMessages === 1 ? 'message' : 'messages'}`
  const against = quorum === undefined ? '' : `, ${reachesQuorum ? 'a quorum' : 'no quorum'} (${quorum} needed)`
  const blame = faulty && faulty.length > 0 ? `; at fault: ${faulty.join(', ')}` : ''
  return valid ? `Valid: ${who}${against}` : `INVALID: ${reason}${blame} (${who}${against})`
}
