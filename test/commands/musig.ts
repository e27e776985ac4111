/**
 * Runs the built command line in a state folder of its own, and keeps all that it printed. Each command is a process of its own the first time that a test
 * file runs it, which shows that it starts, prints all and ends as a process; from then on it runs in this process, which takes a hundredth of the time.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Config, Errors, run, settings } from '@oclif/core'
import * as assert from 'uvu/assert'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
/** Far beyond what any of them takes, for machines on which much else runs: one that hangs is what this ends. */
const TIME_LIMIT_MS = 100_000
const STOP_AFTER_MS = 500
/** The first words of commands that have two. */
const TOPICS = new Set(['cluster', 'inspect', 'keys', 'machine', 'sim', 'tx', 'verify'])

/** What a command printed, and its exit code. */
export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

/** The document on stdout. */
export function jsonOf(outcome: Outcome): Record<string, unknown> {
  return JSON.parse(outcome.stdout) as Record<string, unknown>
}

/** A state folder, the commands run in it and everything they printed together. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'musig-commands-'))
  readonly home = join(this.folder, 'home')
  /** All that was ever printed: to be searched for secrets. */
  printed = ''

  /** Runs `musig ARGS`; `input` is its stdin. */
  async musig(args: readonly string[], { input = '' }: { input?: string } = {}): Promise<Outcome> {
    return isFirst(args) ? this.process(args, { input }) : this.here(args, input)
  }

  /**
   * Runs `musig ARGS` as a process of its own: beside what else the test does, with variables, with a Ctrl-C half a second after it prints what `stopAt`
   * matches, or watched by `printed`, which is given all of its stdout whenever there is more.
   */
  async process(
    args: readonly string[],
    {
      input = '',
      env = {},
      stopAt,
      printed,
    }: { input?: string; env?: Record<string, string>; stopAt?: RegExp; printed?: (stdout: string) => void } = {},
  ): Promise<Outcome> {
    const { MUSIG_PASSPHRASE_FILE: _, ...inherited } = process.env
    const child = spawn(process.execPath, [BIN, ...args], {
      env: { ...inherited, NO_COLOR: '1', MUSIG_HOME: this.home, ...env },
      timeout: TIME_LIMIT_MS,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const outcome: Outcome = { code: -1, stdout: '', stderr: '' }
    const stopIf = (text: string) => {
      if (stopAt?.test(text)) setTimeout(() => child.kill('SIGINT'), STOP_AFTER_MS)
    }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      outcome.stdout += text
      stopIf(text)
      printed?.(outcome.stdout)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      outcome.stderr += text
      stopIf(text)
    })
    // A command that does not read its stdin may be gone before it is written.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    outcome.code = await new Promise((resolve, reject) => child.on('close', (code) => resolve(code ?? -1)).on('error', reject))
    this.printed += outcome.stdout + outcome.stderr
    return outcome
  }

  private async here(args: readonly string[], input: string): Promise<Outcome> {
    const outcome = await runHere(args, this.home, input)
    this.printed += outcome.stdout + outcome.stderr
    return outcome
  }

  /** Must fail in this way: with this exit code, one document on stdout with the error's code, and a reason of one line. It always runs in this process. */
  async refused(args: readonly string[], exitCode: number, code: string, reason: RegExp, input = ''): Promise<void> {
    const outcome = await this.here([...args, '--json'], input)
    assert.is(outcome.code, exitCode, `musig ${args.join(' ')}: ${outcome.stdout}${outcome.stderr}`)
    const { schema, error } = jsonOf(outcome)
    assert.is(schema, 1)
    assert.is((error as { code: string }).code, code, JSON.stringify(error))
    assert.match((error as { message: string }).message, reason)
    assert.not.match((error as { message: string }).message, /\n/)
  }

  /** A file in the bench's folder, 0600 unless told otherwise. */
  file(name: string, content: string, mode = 0o600): string {
    const path = join(this.folder, name)
    writeFileSync(path, content, { mode })
    return path
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The commands that were processes of their own already. */
const started = new Set<string>()

/** Whether a command, its words up to the first flag or argument, runs for the first time here. */
function isFirst([topic = '', word = '']: readonly string[]): boolean {
  const command = TOPICS.has(topic) ? `${topic} ${word}` : topic
  if (started.has(command)) return false
  started.add(command)
  return true
}

/** Ends when the commands so far have ended: what this process prints is one command's at a time. */
let turn: Promise<unknown> = Promise.resolve()

/** A command in this process, as bin/run.js runs it. */
function runHere(args: readonly string[], home: string, input: string): Promise<Outcome> {
  const outcome = turn.then(() => captured(args, home, input))
  turn = outcome.catch(() => undefined)
  return outcome
}

let config: Promise<Config> | undefined

async function captured(args: readonly string[], home: string, input: string): Promise<Outcome> {
  settings.enableAutoTranspile = false
  config ??= Config.load({ root: ROOT })
  const loaded = await config
  const outcome: Outcome = { code: 0, stdout: '', stderr: '' }
  const { env, exitCode } = process
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin') ?? {}
  const writers = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write }))
  const { MUSIG_PASSPHRASE_FILE: _, ...inherited } = env
  process.env = { ...inherited, NO_COLOR: '1', MUSIG_HOME: home }
  process.exitCode = undefined
  Object.defineProperty(process, 'stdin', { value: Readable.from(input === '' ? [] : [Buffer.from(input)]), configurable: true })
  process.stdout.write = (text: string | Uint8Array) => keep('stdout', text)
  process.stderr.write = (text: string | Uint8Array) => keep('stderr', text)
  function keep(name: 'stdout' | 'stderr', text: string | Uint8Array): boolean {
    outcome[name] += typeof text === 'string' ? text : Buffer.from(text).toString()
    return true
  }
  try {
    await run([...args], loaded)
    outcome.code = Number(process.exitCode ?? 0)
  } catch (error) {
    if (!(error instanceof Errors.CLIError)) throw error
    outcome.code = error.oclif.exit ?? -1
  } finally {
    for (const { stream, write } of writers) stream.write = write
    Object.defineProperty(process, 'stdin', stdin)
    process.env = env
    process.exitCode = exitCode
  }
  return outcome
}
