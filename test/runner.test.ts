// time limit: 300 s
/** The test runner catches every way in which a test file can look fine without having tested anything. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const runner = fileURLToPath(new URL('../scripts/test.mjs', import.meta.url))
const folder = fileURLToPath(new URL('./fixtures/runner', import.meta.url))

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [runner, `--folder=${folder}`, ...args], { encoding: 'utf8' })
  const lines = stdout.trimEnd().split('\n')
  return { status, text: stdout + stderr, last: lines[lines.length - 1] ?? '' }
}

/** For each fixture: the counts on its line, and what is said about it. */
const CASES: [file: string, counts: string, says: RegExp][] = [
  ['passing', '2 passed', /✔ .*passing/],
  ['failing', '1 passed, 1 failed', /one is not two/],
  ['before-throws', '0 passed, 1 failed', /before threw: Error: the hook broke/],
  ['forgotten-run', '0 passed, 1 failed', /no \.run\(\) took up/],
  ['forgotten-second-run', '1 passed, 1 failed', /suite second declared 1 tests that no \.run\(\) took up/],
  ['leftover-only', '2 passed, 1 failed', /leftover \.only/],
  ['no-tests', '0 passed, 1 failed', /reported no tests/],
  ['empty', '0 passed, 1 failed', /reported no tests/],
  ['hanging', '0 passed, 1 failed', /longer than its time limit of 1 s/],
  ['left-open', '1 passed, 1 failed', /something was left open/],
  ['late-error', '1 passed, 1 failed', /too late/],
  ['early-exit', '0 passed, 1 failed', /before it reported/],
  ['broken', '0 passed, 1 failed', /cannot be loaded/],
  ['skipping', '1 passed, 3 skipped', /skipped 3: no vectors here/],
]
if (process.platform === 'linux') CASES.push(['leftover-process', '1 passed, 1 failed', /left 1 processes running: sleep 60/])

let all = run('nothing-of-that-name')

test('no test files at all is a failure', () => {
  assert.is(all.last, '0 passed, 0 failed')
  assert.is(all.status, 1)
})

test('all fixtures together fail, and every file is counted', () => {
  all = run()
  assert.is(all.status, 1)
  assert.match(all.last, /^(9|10) passed, 1[23] failed, 3 skipped$/)
})

for (const [file, counts, says] of CASES) {
  test(file, () => {
    const block = all.text.split(/^(?=[✔✘] )/m).find((text) => text.includes(`/${file}.test.ts`)) ?? ''
    assert.ok(block.includes(`.test.ts  ${counts}  `), block)
    assert.match(block, says)
  })
}

test('passing and skipping files alone are a success', () => {
  assert.is(run('passing').status, 0)
  const { status, last } = run('skipping')
  assert.is(status, 0)
  assert.is(last, '1 passed, 0 failed, 3 skipped')
})

test('long files run only when asked for', () => {
  assert.is(run('slow').last, '0 passed, 0 failed')
  assert.is(run('slow', '--long').last, '1 passed, 0 failed')
})

test('unknown flags are refused', () => {
  const result = run('--lnog')
  assert.is(result.status, 1)
  assert.match(result.text, /unknown flag --lnog/)
})

test.run()
