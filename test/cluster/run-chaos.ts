/** Runs the chaos script as a person does, and holds its verdict and that nothing is left running. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'

const SCRIPT = fileURLToPath(new URL('../../scripts/chaos.ts', import.meta.url))

/** What the script ended with; `stopAfter`: it gets a Ctrl-C when it prints this. */
export async function runChaos(args: readonly string[], stopAfter?: RegExp): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const outcome = { code: null as number | null, stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    outcome.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    outcome.stderr += text
    if (stopAfter?.test(text)) child.kill('SIGINT')
  })
  outcome.code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  return outcome
}

/** A run that must keep every promise. */
export async function goodChaos(args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runChaos([...args, '--json'])
  assert.is(code, 0, stdout + stderr)
  const summary = JSON.parse(stdout) as Record<string, unknown>
  assert.is(summary['verdict'], 'ok')
  assert.equal(summary['violations'], [])
  return summary
}
