/** `musig machine new`: a project for a state machine of one's own. */
import { join } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { MusigCommand } from '../../lib/cli/base-command.js'
import { MACHINE_LANGUAGES, writeMachineProject } from '../../lib/node/machine-project.js'

export default class MachineNew extends MusigCommand {
  static override summary = 'Write a project for a state machine of your own: the machine, its tests, and how it is run.'
  static override description =
    'The project is a folder of this name in the current one, and nothing that is there is written over. In TypeScript it is built into one JavaScript file, in Python the machine is a program that signers speak to; its tests hold it against what every state machine must do. Its README tells how it is run; docs/state-machines.md is the guide.'
  static override examples = ['<%= config.bin %> machine new counters', '<%= config.bin %> machine new counters --language python']
  static override args = { name: Args.string({ description: 'The name of the project and of its folder.', required: true }) }
  static override flags = {
    language: Flags.option({ description: 'What the machine is written in.', options: MACHINE_LANGUAGES, default: 'ts' as const })(),
    package: Flags.string({
      description: 'Where the project gets musig-paxos from: a version for npm, or a file or folder (default: this version).',
      helpValue: 'SPEC',
    }),
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(MachineNew)
    const { root, version } = this.config
    const { language } = flags
    const templates = join(root, 'templates', 'machine')
    const musig = flags.package ?? `^${version}`
    const { folder, files } = await writeMachineProject({ name: args.name, language, parent: process.cwd(), templates, musig })
    const file = language === 'ts' ? 'dist/machine.js' : 'machine.py'
    const next = [`cd ${args.name}`, 'npm install', 'npm test', `npx musig cluster up --cluster ${args.name} --machine ${file}`]
    this.log(`Wrote ${folder}: ${files.join(', ')}.`)
    this.log(`Next: ${next.join(' && ')}`)
    return { name: args.name, language, folder, files, next }
  }
}
