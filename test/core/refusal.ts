/** How tests of decoders say what they expect: one typed error and nothing else. */
import * as assert from 'uvu/assert'
import { type ErrorCode, MusigError } from '../../src/lib/base/errors.js'

/** Fails unless `run` throws a `MusigError` of this code; `text` is shown if it does not. */
export function isCode(run: () => unknown, code: ErrorCode, text = ''): void {
  let thrown: unknown
  try {
    run()
  } catch (error) {
    thrown = error
  }
  assert.instance(thrown, MusigError, `${text}: ${thrown instanceof Error ? thrown.stack : 'nothing was thrown'}`)
  if (!(thrown instanceof MusigError)) return
  assert.is(thrown.code, code, thrown.message)
}

/** Fails unless `run` throws such an error and its message names `text`. */
export function saysWhy(run: () => unknown, code: ErrorCode, text: string): void {
  isCode(() => {
    try {
      return run()
    } catch (error) {
      assert.ok(error instanceof Error && error.message.includes(text), `${error} does not say “${text}”`)
      throw error
    }
  }, code)
}
