/** Runs the built command line as a process of its own, in a state folder of its own, and keeps all that it printed. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const TIME_LIMIT_MS = 30_000
const STOP_AFTER_MS = 500

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

  /** Runs `musig ARGS`; `input` is its stdin. Half a second after it prints what `stopAt` matches to stderr it gets a Ctrl-C. */
  async musig(
    args: readonly string[],
    { input = '', env = {}, stopAt }: { input?: string; env?: Record<string, string>; stopAt?: RegExp } = {},
  ): Promise<Outcome> {
    const { MUSIG_PASSPHRASE_FILE: _, ...inherited } = process.env
    const child = spawn(process.execPath, [BIN, ...args], {
      env: { ...inherited, NO_COLOR: '1', MUSIG_HOME: this.home, ...env },
      timeout: TIME_LIMIT_MS,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const outcome: Outcome = { code: -1, stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      outcome.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      outcome.stderr += text
      if (stopAt?.test(text)) setTimeout(() => child.kill('SIGINT'), STOP_AFTER_MS)
    })
    // A command that does not read its stdin may be gone before it is written.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    outcome.code = await new Promise((resolve, reject) => child.on('close', (code) => resolve(code ?? -1)).on('error', reject))
    this.printed += outcome.stdout + outcome.stderr
    return outcome
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
