/** What the bundled entries of processes share: their flags, and how they end. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { MusigError } from '../base/errors.js'

type Options = NonNullable<ParseArgsConfig['options']>
type Flags<T extends Options> = ReturnType<typeof parseArgs<{ args: string[]; options: T; strict: true; allowPositionals: false }>>['values']

/** The values of flags. Errors: `BAD_INPUT`. */
export function flagsOf<const T extends Options>(args: string[], options: T): Flags<T> {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new MusigError('BAD_INPUT', error instanceof Error ? error.message : String(error))
  }
}

/** Runs a process to its end, and ends it with the exit code that `run` gives or that goes with its error, in one line. */
export async function runEntry(run: (args: string[]) => Promise<number>): Promise<never> {
  try {
    // The store makes files and folders of its own; they are nobody else's to read.
    process.umask(0o077)
    process.exit(await run(process.argv.slice(2)))
  } catch (error) {
    const known =
      error instanceof MusigError ? error : new MusigError('INTERNAL', error instanceof Error ? (error.stack ?? error.message) : String(error))
    process.stderr.write(`Error: ${known.message}\n`)
    process.exit(known.exitCode)
  }
}
