/** The flag of commands that start a node: where what it executes goes besides. */
import { Flags } from '@oclif/core'

export const sinkFlag = {
  sink: Flags.string({
    description:
      'Where executed transactions go besides, in order: jsonl:FILE, postgres:URL or webhook:URL. May be given several times. A URL with a password or token stands in a file of mode 0600: postgres:@FILE. Options follow behind commas, as in postgres://db.example/app,prefix=audit,password-file=FILE. All of it: docs/sinks.md.',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'KIND:TARGET',
  }),
}
