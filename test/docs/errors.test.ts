/** docs/errors.md has every error code as the code has it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ErrorCode, MusigError } from '../../src/lib/base/errors.js'
import { HTTP_STATUS } from '../../src/lib/node/http-guard.js'
import { pageOf, rowsOf } from './rows.js'

const page = pageOf('errors.md')
const rows = rowsOf(page)
const codes = Object.keys(HTTP_STATUS) as ErrorCode[]

for (const code of codes) {
  test(`${code} is in docs/errors.md with its exit code, HTTP status and outcome`, () => {
    const { exitCode, definite } = new MusigError(code, '')
    const row = [String(exitCode), String(HTTP_STATUS[code]), definite ? 'definite' : 'maybe']
    const [exit, http, outcome, meaning = '', advice = ''] = rows.get(code) ?? []
    const wanted = `docs/errors.md needs this row: | \`${code}\` | ${row.join(' | ')} | ${meaning || 'WHAT IT MEANS'} | ${advice || 'WHAT TO DO'} |`
    assert.equal([exit, http, outcome], row, wanted)
    assert.ok(meaning.length > 20 && advice.length > 5, wanted)
  })
}

test('the page has no code that there is not, and every exit code', () => {
  assert.equal(
    [...rows.keys()].filter((name) => /^[A-Z_]+$/.test(name) && !codes.some((code) => code === name)),
    [],
  )
  for (const code of codes) assert.match(page, new RegExp(`^\\| ${new MusigError(code, '').exitCode} \\|`, 'm'))
})

test.run()
