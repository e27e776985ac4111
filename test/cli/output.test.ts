/** Tables, progress and the hint for unknown commands. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nearest } from '../../src/hooks/command-not-found.js'
import { runSteps } from '../../src/lib/cli/progress.js'
import { renderTable } from '../../src/lib/cli/table.js'

const ESCAPE = String.fromCharCode(27)

test('a plain table has bare columns and no colours', async () => {
  const text = await renderTable(
    ['id', 'height', 'state'],
    [
      ['abc', 7, 'executed'],
      ['d', 120, undefined],
    ],
    { plain: true },
  )
  assert.is(text, 'id   height  state\nabc       7  executed\nd       120  -')
})

test('on a terminal a line parts the head; NO_COLOR is obeyed', async () => {
  const before = process.env['NO_COLOR']
  process.env['NO_COLOR'] = '1'
  try {
    const text = await renderTable(['id', 'n'], [['abc', 7]], { plain: false })
    assert.is(text, 'id   n\n──────\nabc  7')
    assert.not.ok(text.includes(ESCAPE))
  } finally {
    if (before === undefined) delete process.env['NO_COLOR']
    else process.env['NO_COLOR'] = before
  }
})

test('a table without rows is its head', async () => assert.is(await renderTable(['id', 'state'], [], { plain: true }), 'id  state'))

test('steps run in order, ones that are not wanted are left out, and an error ends the run as it is', async () => {
  const done: string[] = []
  const step = (title: string, when = true) => ({ title, when, run: async () => void done.push(title) })
  await runSteps([step('a'), step('b', false), step('c')], { silent: true })
  assert.equal(done, ['a', 'c'])
  const broken = new Error('broken')
  const fails = {
    title: 'fails',
    run: async () => {
      throw broken
    },
  }
  const caught = await runSteps([fails, step('d')], { silent: true }).catch((error: unknown) => error)
  assert.is(caught, broken)
  assert.equal(done, ['a', 'c'])
})

test('the nearest commands are offered, topics that were right are not', () => {
  const names = ['tx:submit', 'tx:show', 'tx', 'cluster:up', 'cluster', 'verify:sig', 'keys:show']
  assert.equal(nearest(['tx', 'sbmit'], names), ['tx submit'])
  assert.equal(nearest(['clustr'], names), ['cluster'])
  assert.equal(nearest(['tx', 'submitt', 'hello'], names), ['tx submit'])
  assert.equal(nearest(['tx', 'zzzzzz'], names), [])
  assert.equal(nearest(['frobnicate'], names), [])
})

test.run()
