/** Numbers and missing words that a person mistypes, and pipes that no command may swallow: one line, exit code 2. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Bench } from './musig.js'

const bench = new Bench()
test.after(() => bench.remove())

test('what is no number is refused with its value, before anything is looked up', async () => {
  for (const [args, what] of [
    [['cluster', 'kill', 'abc'], 'no signer or peer; write 3 or peer:0'],
    [['cluster', 'restart', '1.5'], 'no signer or peer; write 3 or peer:0'],
    [['cluster', 'logs', '-1'], 'no signer or peer; write 3 or peer:0'],
    [['cluster', 'pause', '1', 'peer:'], 'no signer or peer; write 3 or peer:0'],
    [['tx', 'transfer', 'alice', 'bob', '99999999999999999999'], 'not a whole number from 0 to 9007199254740991'],
  ] as const) {
    const { code, stderr } = await bench.musig(args)
    assert.is(code, 2, stderr)
    assert.is(stderr, `Error: “${args.at(-1)}” is ${what}\n`)
  }
})

test('an argument that is missing is not taken from a pipe', async () => {
  for (const [args, name] of [
    [['cluster', 'kill'], 'member'],
    [['sign'], 'message'],
    [['verify', 'cert'], 'file'],
    [['verify', 'manifest'], 'file'],
    [['keys', 'import'], 'file'],
    [['keys', 'aggregate'], 'keys'],
    [['sim', 'replay'], 'run'],
  ] as const) {
    const { code, stderr } = await bench.musig(args, { input: '0' })
    assert.is(code, 2, stderr)
    assert.is(stderr, `Error: Missing 1 required arg: ${name} (see --help)\n`)
  }
  const shown = await bench.musig(['keys', 'show'], { input: 'alice' })
  assert.match(shown.stderr, /^Error: no keys in /)
})

test.run()
