/** Settings that a run does not begin with. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MusigError } from '../../src/lib/base/errors.js'
import { CALM, type Scenario } from '../../src/lib/simulator/scenario.js'
import { simulate } from '../../src/lib/simulator/simulate.js'

/** A test for each: refused in words that say what is wrong. */
export function refusesSettings(all: readonly (readonly [bad: Partial<Scenario>, says: RegExp])[]): void {
  for (const [bad, says] of all)
    test(`refused: ${JSON.stringify(bad)}`, () => {
      assert.throws(
        () => simulate({ ...CALM, ...bad }),
        (error: unknown) => error instanceof MusigError && error.code === 'BAD_INPUT' && says.test(error.message),
      )
    })
}
