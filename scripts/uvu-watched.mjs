/**
 * Stands in for `uvu` in test files that the runner starts (see bundle.mjs): the same functions, which also note what bare uvu lets pass: tests that
 * were declared and never run, `.only`, and hooks that throw.
 */
import * as uvu from 'uvu'

/**
 * What became of one suite.
 * @typedef {{ name: string, declared: number, waiting: number, only: boolean, hookErrors: string[], times: { title: string, ms: number }[] }} SuiteNotes
 */

/** @type {SuiteNotes[]} */
export const notes = []

/** @typedef {(context: Record<string, unknown>) => void | Promise<void>} Handler */

/**
 * Notes what is declared on a suite. `waiting` counts the tests that no `.run()` has taken yet.
 * @param {string} name
 * @param {import('uvu').Test} inner
 */
function watched(name, inner) {
  /** @type {SuiteNotes} */
  const note = { name, declared: 0, waiting: 0, only: false, hookErrors: [], times: [] }
  notes.push(note)
  const declare = (/** @type {string} */ title, /** @type {Handler} */ handler) => {
    note.declared++
    note.waiting++
    inner(title, async (context) => {
      const begun = performance.now()
      await handler(context)
      note.times.push({ title, ms: performance.now() - begun })
    })
  }
  const hook = (/** @type {(handler: Handler) => void} */ register, /** @type {string} */ kind) => (/** @type {Handler} */ handler) =>
    register(async (context) => {
      try {
        await handler(context)
      } catch (error) {
        note.hookErrors.push(`${kind} threw: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
        throw error
      }
    })
  return Object.assign(declare, {
    only: (/** @type {string} */ title, /** @type {Handler} */ handler) => {
      note.only = true
      declare(title, handler)
    },
    skip: (/** @type {string} */ title, /** @type {Handler} */ handler) => inner.skip(title, handler),
    before: Object.assign(hook(inner.before, 'before'), { each: hook(inner.before.each, 'before.each') }),
    after: Object.assign(hook(inner.after, 'after'), { each: hook(inner.after.each, 'after.each') }),
    run: () => {
      note.waiting = 0
      inner.run()
    },
  })
}

/** As uvu's.
 * @param {string} [name]
 * @param {Record<string, unknown>} [state] */
export const suite = (name = '', state = {}) => watched(name, uvu.suite(name, state))

/** As uvu's. */
export const test = watched('', uvu.test)
