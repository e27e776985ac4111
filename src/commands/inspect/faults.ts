/** `musig inspect faults`: who is faulty; what is proved and what is only suspected kept apart. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { textOptions, writeOutput } from '../../lib/cli/drawing.js'
import { reasonOf } from '../../lib/cli/home.js'
import { sinceFlag } from '../../lib/cli/since-flag.js'
import { type Connection, withCluster } from '../../lib/cluster/connection.js'
import { type MemberReport, Members } from '../../lib/cluster/members.js'
import { provedEpochs } from '../../lib/cluster/proved-manifest.js'
import type { FaultsData } from '../../lib/inspect/faults.js'
import { faultsText } from '../../lib/inspect/faults-text.js'
import { LiveFaults } from '../../lib/inspect/live-faults.js'
import { loadCrypto } from '../../lib/node/crypto.js'

type Looking = Pick<LiveFaults<MemberReport>, 'look' | 'document'>

/** How often all are asked again. */
const WATCH_MS = 1000

export default class InspectFaults extends MusigCommand {
  static override summary = 'Say which signers are faulty: what is proved, and what is only suspected, with what to do about it.'
  static override description =
    'All signers and peers are asked. Evidence is proof that anyone can check: it is taken from whoever holds it and checked here, with the manifest and its proofs of possession; --export writes each proof into a file for musig verify evidence. Suspicion is what members say they saw: late or missing votes, invalid shares, refused messages. It proves nothing, for a liar can suspect whom it likes. Exit code 1: there are signers whose guilt is proved.'
  static override examples = [
    '<%= config.bin %> inspect faults',
    '<%= config.bin %> inspect faults --since 10m --json',
    '<%= config.bin %> inspect faults --export proofs',
    '<%= config.bin %> inspect faults --watch',
  ]
  static override flags = {
    since: sinceFlag({ description: 'Only what was seen since then: 90s, 10m, 2h, 1d ago, or a date.', helpValue: 'TIME' }),
    watch: Flags.boolean({ description: 'Ask again every second and print what changed, until Ctrl-C; with --json one object a line.' }),
    export: Flags.string({ description: 'Write each proof as a JSON file into this folder.', helpValue: 'DIR' }),
    ...clusterFlag,
  }

  async run(): Promise<FaultsData | undefined> {
    const { flags } = await this.parse(InspectFaults)
    const place = { home: this.home(flags), cluster: flags.cluster }
    const crypto = loadCrypto()
    const live = ({ client, folder }: Connection) => {
      const { signers, peers } = folder.read()
      return new LiveFaults(crypto, provedEpochs(place, crypto.bls), new Members(client, signers.length, peers.length))
    }
    if (flags.watch) {
      await this.interruptible((signal) => withCluster(place, async (connection) => this.watch(live(connection), flags, signal)))
      return undefined
    }
    const data = await withCluster(place, async (connection) => this.report(live(connection), flags))
    if (!this.jsonEnabled()) this.log(faultsText(data, textOptions()).trimEnd())
    return data
  }

  private async report(faults: Looking, { since, export: folder }: { since?: number | undefined; export?: string | undefined }): Promise<FaultsData> {
    const data = await faults.look(since)
    if (data.evidence.length > 0) this.sayNo()
    if (folder !== undefined) exportTo(folder, data, faults)
    return data
  }

  /** Prints the whole picture whenever something is new in it. */
  private async watch(faults: Looking, flags: { since?: number | undefined; export?: string | undefined }, signal: AbortSignal): Promise<void> {
    let shown = ''
    process.stderr.write('Watching; Ctrl-C ends it.\n')
    while (!signal.aborted) {
      const data = await this.report(faults, flags)
      const state = JSON.stringify([
        data.evidence.map(({ kind, signers, batchIds }) => [kind, signers, batchIds]),
        data.suspicion.map(({ signer, reason, count }) => [signer, reason, count]),
        data.silent,
      ])
      if (state !== shown) {
        if (this.jsonEnabled()) this.logJsonLine(data)
        else this.log(faultsText(data, textOptions()))
      }
      shown = state
      await sleep(WATCH_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}

/** Errors: `BAD_INPUT` where the folder cannot be written. */
function exportTo(folder: string, { evidence }: FaultsData, faults: Looking): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new MusigError('BAD_INPUT', `cannot make the folder ${folder}: ${reasonOf(error)}`, { cause: error })
  }
  for (const { file } of evidence) writeOutput(join(folder, file), `${JSON.stringify(faults.document(file), null, 2)}\n`)
  process.stderr.write(`The proofs are in ${folder}: ${evidence.length}\n`)
}
