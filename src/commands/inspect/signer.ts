/** `musig inspect signer`: one signer as itself and the others see it. */

import { equalBytes, toHex } from '../../lib/base/bytes.js'
import { MusigError } from '../../lib/base/errors.js'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions } from '../../lib/cli/drawing.js'
import { wholeNumberArg } from '../../lib/cli/tx-flags.js'
import { memberRecord } from '../../lib/cluster/cluster-folder.js'
import { withCluster } from '../../lib/cluster/connection.js'
import { Members } from '../../lib/cluster/members.js'
import { provedEpochs } from '../../lib/cluster/proved-manifest.js'
import { LiveFaults } from '../../lib/inspect/live-faults.js'
import { type SignerData, signerText } from '../../lib/inspect/signer-text.js'
import { loadCrypto } from '../../lib/node/crypto.js'

export default class InspectSigner extends MusigCommand {
  static override summary = 'Show one signer: its keys, votes given and missed, how long they take, and what is proved or suspected of it.'
  static override description =
    'What it says of itself, how often it stands in the certificates that the others hold, and its part of musig inspect faults. A certificate needs a quorum only, so a signer may be missing from some without any fault. Exit code 1: its guilt is proved.'
  static override examples = ['<%= config.bin %> inspect signer 3', '<%= config.bin %> inspect signer 3 --json']
  static override args = { index: wholeNumberArg({ ignoreStdin: true, description: 'The signer, by number.', required: true }) }
  static override flags = { ...clusterFlag }

  async run(): Promise<SignerData> {
    const { args, flags } = await this.parse(InspectSigner)
    const place = { home: this.home(flags), cluster: flags.cluster }
    const crypto = loadCrypto()
    const { index } = args
    const data = await withCluster(place, async ({ client, folder }): Promise<SignerData> => {
      const judged = provedEpochs(place, crypto.bls)
      const record = folder.read()
      const { publicKey, evictedIn } = memberRecord(record, index)
      const seat = judged.manifest.signers.findIndex((signer) => equalBytes(signer.publicKey, publicKey))
      const entry = judged.manifest.signers[seat]
      if (!entry)
        throw new MusigError('BAD_INPUT', `signer ${index} is none any more: it was evicted in epoch ${evictedIn}; see musig inspect faults`)
      const live = new LiveFaults(crypto, judged, new Members(client, record.signers.length, record.peers.length))
      const all = await live.look()
      const own = live.reports.find(({ member }) => member === index)
      const status = own?.status && 'index' in own.status ? own.status : null
      const seen = live.reports.flatMap(({ name, member, conduct }) => {
        const counts = conduct?.signers[seat]
        return counts && member !== index
          ? [{ by: name, decisions: conduct.decisions, counted: counts.counted, missingInARow: counts.missingInARow }]
          : []
      })
      return {
        index,
        name: entry.name,
        region: entry.region,
        publicKey: toHex(entry.publicKey),
        linkKey: toHex(entry.linkKey),
        state: status?.health ?? null,
        executed: status?.executed ?? null,
        votes: own?.conduct?.votes ?? null,
        latencyMs: own?.conduct?.latencyMs ?? null,
        seen,
        faults: {
          ...all,
          evidence: all.evidence.filter(({ signers }) => signers.includes(index)),
          suspicion: all.suspicion.filter(({ signer }) => signer === index),
        },
      }
    })
    if (data.faults.evidence.length > 0) this.sayNo()
    if (!this.jsonEnabled()) this.log(signerText(data, textOptions()).trimEnd())
    return data
  }
}
