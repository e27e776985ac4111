/** `npm run demo`, with four signers: it shows what it promises, ends well, and leaves nothing behind, also when it is stopped. */
// time limit: 300 s
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const DEMO = fileURLToPath(new URL('../../scripts/demo.mjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'musig-demo-test-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

/** Runs the demo and interrupts it once it has said `stopAt`. */
function demo(stopAt?: string): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [DEMO, '-n', '4'], {
    env: { ...process.env, NO_COLOR: '1', TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  let stopped = false
  const hear = (part: string) => {
    text += part
    if (stopAt === undefined || stopped || !text.includes(stopAt)) return
    stopped = true
    child.kill('SIGINT')
  }
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })))
}

test('every part is shown with its command, and the certificate holds with everything down', async () => {
  const { code, text } = await demo()
  assert.is(code, 0, text)
  for (const command of [
    'cluster up -n 4',
    'tx submit --batch',
    'query accounts',
    'inspect tree',
    'inspect order',
    'inspect sig',
    'cluster down',
    'verify cert',
  ])
    assert.ok(text.includes(`$ musig ${command}`), command)
  assert.match(text, /6 on the fast path, 0 on the slow one/)
  assert.match(text, /5 accepted, 1 refused at their place in the order/)
  assert.match(text, /"sum": 603/)
  assert.match(text, /^Tree of batch [0-9a-f]{8} .* 4 signers$/m)
  assert.match(text, /^place of arrival, first at the bottom$/m)
  assert.match(text, /^Valid: batch [0-9a-f]{16} is committed/m)
  assert.equal(readdirSync(folder), [])
})

test('stopped in the middle: it says so, ends with 130, and nothing is left', async () => {
  for (const moment of ['Signer processes', '2. Six accounts']) {
    const { code, text } = await demo(moment)
    assert.is(code, 130, text)
    assert.match(text, /Stopping: the cluster is taken down/)
    assert.equal(readdirSync(folder), [])
  }
})

test.run()
