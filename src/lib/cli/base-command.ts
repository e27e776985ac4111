/**
 * What every command shares: the flags `--json`, `--home` and `--no-color`, how results, warnings and errors are printed, and which exit code an error
 * gives. Commands parse their flags, call one library function and print; they extend this class and nothing else.
 *
 * With `--json` stdout carries exactly one document: what `run()` returns with `schema: 1` in front, or `{schema: 1, error: {code, message}}`.
 */
import { Command, Errors, Flags } from '@oclif/core'
import { type ErrorCode, MusigError } from '../base/errors.js'
import { homePath, privateFolder } from './home.js'
import { runSteps, type Step } from './progress.js'
import { type Cell, renderTable } from './table.js'

/** The version of all JSON documents that commands print. */
export const JSON_SCHEMA = 1

/** The exit code of work that Ctrl-C or a kill ended, as shells have it. */
const INTERRUPTED_EXIT = 130

/** For the `flags` of commands that work on one cluster: `static override flags = { ...clusterFlag, … }`. */
export const clusterFlag = {
  cluster: Flags.string({ description: 'The cluster, by name.', env: 'MUSIG_CLUSTER', default: 'default', helpGroup: 'GLOBAL', helpValue: 'NAME' }),
}

/** What a failure says to a caller: one line and a code. */
export interface Failure {
  code: ErrorCode
  message: string
  exitCode: number
}

/** Any thrown value as a failure: operating errors keep their code, wrong flags and arguments are `BAD_INPUT`, all else is a bug of ours. */
export function failureOf(error: unknown): Failure {
  // Also what a flag of our own refuses: the parser writes its words around that.
  if (error instanceof MusigError) return { code: error.code, message: usageMessage(error.message), exitCode: error.exitCode }
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof Errors.CLIError) return { code: 'BAD_INPUT', message: usageMessage(message), exitCode: 2 }
  const internal = new MusigError('INTERNAL', message)
  return { code: 'INTERNAL', message: oneLine(`internal error: ${message} (DEBUG=musig* shows where)`), exitCode: internal.exitCode }
}

/** The parser's message on one line, without its headings and lists. */
function usageMessage(message: string): string {
  const bare = message
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(/(?:^ *Missing required flag \S+\n?)+/gm, missingFlags)
    .replace(/^ *Parsing (--\S+)\s+Expected/gm, '$1: expected')
    .replace(/^ *Parsing (--\S+)\s+/gm, '$1: ')
    .replace(
      /^(Missing \d+ required args?):\n((?: *\S+.*\n)+)[\s\S]*/,
      (_, what: string, list: string) => `${what}: ${firstWords(list)} (see --help)`,
    )
    .replace(/See more help with --help$/, '(see --help)')
  return oneLine(bare)
}

/** Lines about one flag each as a line about all of them. */
function missingFlags(lines: string): string {
  const names = [...lines.matchAll(/flag (\S+)/g)].map(([, name]) => `--${name}`)
  return `Missing required flag${names.length > 1 ? 's' : ''} ${names.join(', ')}\n`
}

/** What a list of the parser's names, without what it says of each. */
function firstWords(list: string): string {
  const names = list.split('\n').map((line) => /^ {0,3}(\S+)/.exec(line)?.[1])
  return names.filter((name) => name !== undefined && name !== 'See').join(', ')
}

/** One line without control characters: what is quoted from a file must not steer the terminal. */
function oneLine(text: string): string {
  return text
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\p{Cc}/gu, '\u{fffd}')
}

/** The base of all commands. */
export abstract class MusigCommand extends Command {
  static override enableJsonFlag = true

  static override baseFlags = {
    home: Flags.string({
      description: 'The folder that holds keys and clusters (default: the data folder of the user).',
      env: 'MUSIG_HOME',
      helpGroup: 'GLOBAL',
      helpValue: 'DIR',
    }),
    'no-color': Flags.boolean({ description: 'Print without colours, like NO_COLOR.', helpGroup: 'GLOBAL' }),
  }

  override async init(): Promise<void> {
    await super.init()
    if (this.hasFlag('--no-color')) {
      process.env['NO_COLOR'] = '1'
      delete process.env['FORCE_COLOR']
    }
  }

  /** The state folder, made if it does not stand yet. Errors: `BAD_INPUT`. */
  protected home(flags: { home?: string | undefined }): string {
    return privateFolder(homePath(flags.home, this.config.dataDir))
  }

  /** Prints a table, unless with `--json`. */
  protected async table(head: readonly string[], rows: readonly (readonly Cell[])[]): Promise<void> {
    if (!this.jsonEnabled()) this.log(await renderTable(head, rows))
  }

  /** Runs the steps of long work with progress on stderr. */
  protected async steps(steps: readonly Step[]): Promise<void> {
    await runSteps(steps, { silent: this.jsonEnabled() })
  }

  /** Notes that a check said no: the command prints its result as usual and ends with exit code 1. */
  protected sayNo(): void {
    process.exitCode = 1
  }

  /** Runs work that Ctrl-C may end: the signal aborts, the work cleans up and rejects, the command exits with 130. A second Ctrl-C ends at once. */
  protected async interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const stop = () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED_EXIT)
      controller.abort()
    }
    process.on('SIGINT', stop).on('SIGTERM', stop)
    try {
      return await work(controller.signal)
    } catch (error) {
      if (!controller.signal.aborted) throw error
      return this.stopped()
    } finally {
      process.off('SIGINT', stop).off('SIGTERM', stop)
    }
  }

  /** Ends a command that was interrupted; `result` is what it has until then, for `--json`. */
  protected stopped(result?: object): never {
    if (result && this.jsonEnabled()) this.logJson(this.toSuccessJson(result))
    process.stderr.write('Stopped.\n')
    return this.exit(INTERRUPTED_EXIT)
  }

  /** Prints one JSON object on a line of its own: for watchers, whose `run()` returns nothing. */
  protected logJsonLine(document: object): void {
    process.stdout.write(`${JSON.stringify({ schema: JSON_SCHEMA, ...document })}\n`)
  }

  override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`)
  }

  protected override toSuccessJson(result: unknown): unknown {
    return typeof result === 'object' && result !== null && !Array.isArray(result)
      ? { schema: JSON_SCHEMA, ...result }
      : { schema: JSON_SCHEMA, result }
  }

  protected override toErrorJson(error: unknown): unknown {
    const { code, message } = failureOf(error)
    return { schema: JSON_SCHEMA, error: { code, message } }
  }

  /** Warnings go to stderr, with `--json` too. */
  override warn(input: Error | string): Error | string {
    process.stderr.write(`Warning: ${oneLine(input instanceof Error ? input.message : input)}\n`)
    return input
  }

  protected override async catch(error: Error): Promise<void> {
    if (error instanceof Errors.ExitError) throw error
    const failure = failureOf(error)
    if (this.jsonEnabled()) this.logJson(this.toErrorJson(error))
    else process.stderr.write(`Error: ${failure.message}\n`)
    if (/(^|[\s,])(musig|\*)/.test(process.env['DEBUG'] ?? '')) process.stderr.write(`${error.stack ?? error}\n${causeOf(error)}`)
    this.exit(failure.exitCode)
  }

  private hasFlag(flag: string): boolean {
    const end = this.argv.indexOf('--')
    return (end < 0 ? this.argv : this.argv.slice(0, end)).includes(flag)
  }
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? `Caused by ${error.cause.stack}\n` : ''
}
