/** `musig cluster logs`: what the signers and peers have written, merged by time. */
import { Flags } from '@oclif/core'
import { clusterFlag, MusigCommand } from '../../lib/cli/base-command.js'
import { styled } from '../../lib/cli/color.js'
import { memberArg } from '../../lib/cli/member-args.js'
import { parsePrefix } from '../../lib/cli/prefix.js'
import { ClusterFolder } from '../../lib/cluster/cluster-folder.js'
import { type LogLine, LogReader } from '../../lib/cluster/logs.js'

const WARN_LEVEL = 40

export default class ClusterLogs extends MusigCommand {
  static override summary = 'Print the logs of a local cluster, merged by time.'
  static override description = 'With --json each line is one JSON object as its process wrote it.'
  static override examples = [
    '<%= config.bin %> cluster logs',
    '<%= config.bin %> cluster logs 3 --tail 50',
    '<%= config.bin %> cluster logs peer:0',
    '<%= config.bin %> cluster logs --follow',
    '<%= config.bin %> cluster logs --tx 1f2e3d',
  ]
  static override args = { member: memberArg({ ignoreStdin: true, description: 'One signer by number, or one peer as peer:0 (default: all).' }) }
  static override flags = {
    ...clusterFlag,
    follow: Flags.boolean({ char: 'f', description: 'Go on as the logs grow, until Ctrl-C.', default: false }),
    tx: Flags.string({ description: 'Only lines on this transaction and its batch.', helpValue: 'ID' }),
    tail: Flags.integer({ description: 'Only the last lines of what is there.', min: 0, helpValue: 'N' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClusterLogs)
    const txId = flags.tx === undefined ? undefined : parsePrefix(flags.tx, 'transaction')
    const reader = new LogReader(new ClusterFolder(this.home(flags), flags.cluster), { member: args.member, txId })
    const lines = reader.read()
    for (const line of flags.tail === undefined ? lines : lines.slice(Math.max(0, lines.length - flags.tail))) this.print(line)
    if (!flags.follow) return
    const controller = new AbortController()
    const stop = () => controller.abort()
    process.once('SIGINT', stop).once('SIGTERM', stop)
    await reader.follow((line) => this.print(line), controller.signal)
  }

  private print(line: LogLine): void {
    if (this.jsonEnabled()) this.logJsonLine(documentOf(line))
    else process.stdout.write(`${textOf(line)}\n`)
  }
}

function documentOf({ self, at, level, message, fields }: LogLine): object {
  return { self: self ?? null, time: at > 0 ? new Date(at).toISOString() : null, level, message, ...fields }
}

function textOf({ self, at, level, message, fields }: LogLine): string {
  const time = at > 0 ? new Date(at).toISOString().slice(11, 23) : ' '.repeat(12)
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const text = level >= WARN_LEVEL ? styled('red', message) : message
  return [styled('dim', time), styled('cyan', String(self ?? '-').padStart(3)), text, styled('dim', rest.join(' '))].join(' ').trimEnd()
}
