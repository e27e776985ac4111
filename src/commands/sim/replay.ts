/** `musig sim replay`: the run of a seed once more, step by step; or a trace that was written earlier. */
import { Args, Flags } from '@oclif/core'
import { MusigError } from '../../lib/base/errors.js'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { readInput } from '../../lib/cli/input.js'
import { settingFlags } from '../../lib/cli/setting-flags.js'
import { loadCrypto } from '../../lib/node/crypto.js'
import { CALM, type Scenario } from '../../lib/simulator/scenario.js'
import { flagOf, SETTINGS, scenarioFrom } from '../../lib/simulator/settings.js'
import { type Result, simulate } from '../../lib/simulator/simulate.js'
import { headLine, lineForPeople, scenarioOf, type TraceLine, traceText } from '../../lib/simulator/trace.js'

export default class SimReplay extends MusigCommand {
  static override summary = 'Repeat a run of the simulator and list its steps.'
  static override description =
    'Takes a seed, with the settings of the run, as sim run and sim sweep print them; or a file that sim run --trace has written, which is listed and run again to see whether it is still the same.'
  static override examples = ['<%= config.bin %> sim replay 42 --crashes 1 --signer 3', '<%= config.bin %> sim replay run.jsonl']
  static override args = { run: Args.string({ ignoreStdin: true, description: 'A seed, or a trace file.', required: true }) }
  static override flags = {
    ...settingFlags(SETTINGS.map((setting) => ({ ...setting, flag: flagOf(setting.name), usual: CALM[setting.name] }))),
    bls: Flags.string({ description: 'The signatures.', options: ['fake', 'noble', 'blst'], default: 'fake' }),
    signer: Flags.integer({ description: 'Only the steps of this signer.', min: 0, helpValue: 'I' }),
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(SimReplay)
    const crypto = flags.bls === 'fake' ? {} : { crypto: loadCrypto(flags.bls === 'noble' ? 'noble' : 'blst') }
    const recorded = /^\d{1,15}$/.test(args.run) ? undefined : await readTrace(args.run)
    const scenario: Scenario = recorded?.scenario ?? { ...scenarioFrom(CALM, flags), seed: Number(args.run) }
    const steps: TraceLine[] = [headLine(scenario)]
    const result = simulate(scenario, { ...crypto, trace: (line) => steps.push(line) })
    const shown = steps.filter(({ signer }) => flags.signer === undefined || signer === null || signer === flags.signer)
    if (!this.jsonEnabled()) for (const line of shown.slice(1)) this.log(lineForPeople(line))
    const differs = recorded && firstDifference(recorded.lines, steps)
    if (differs !== undefined) this.warn(`the run is not the one in ${args.run} any more: line ${differs + 1} differs`)
    if (result.safe === false || result.live === false) this.sayNo()
    this.showEnd(result)
    return { ...result, steps: shown }
  }

  private showEnd({ verdict, violations, unknown, command }: Result): void {
    if (this.jsonEnabled()) return
    this.log('')
    for (const { id, text } of violations) this.log(`${id}  ${text}`)
    for (const text of unknown) this.log(`shows nothing: ${text}`)
    this.log(`${verdict}: ${command}`)
  }
}

async function readTrace(file: string): Promise<{ scenario: Scenario; lines: string[] }> {
  const lines = Buffer.from(await readInput(file))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
  let head: TraceLine | undefined
  try {
    head = JSON.parse(lines[0] ?? '') as TraceLine
  } catch {
    head = undefined
  }
  const scenario = scenarioOf(head)
  if (!scenario) throw new MusigError('BAD_INPUT', `${file} is neither a seed nor a trace: its first line has no scenario`)
  return { scenario, lines }
}

/** The index of the first line in which a trace and a run differ, or undefined. */
function firstDifference(lines: readonly string[], steps: readonly TraceLine[]): number | undefined {
  const at = steps.findIndex((step, i) => traceText(step) !== lines[i])
  if (at >= 0) return at
  return lines.length === steps.length ? undefined : steps.length
}
