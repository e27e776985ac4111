/** Runs chapters of the guide as a user would, with `npm run guide`. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'

const SCRIPT = fileURLToPath(new URL('../../scripts/guide.mjs', import.meta.url))

/** Fails, with what was printed, where a command does not end as the guide says. No chapters: all of them. */
export async function followGuide(chapters: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [SCRIPT, ...chapters], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const code = await new Promise((resolve) => child.on('close', resolve))
  assert.is(code, 0, output.slice(-4000))
  assert.match(output, /the guide does what it says/)
}
