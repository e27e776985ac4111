/** Waiting in tests for something that takes a while. */
import { Assertion } from 'uvu/assert'

/**
 * Asks until the answer is yes. What cannot be asked yet (a signer that starts, a transaction that has not come) counts as no; a failed assertion ends the
 * wait at once. Fails after `limitMs`, with the last error.
 */
export async function until(what: string | (() => string), ask: () => Promise<boolean> | boolean, limitMs = 60_000, everyMs = 20): Promise<void> {
  let lastError = ''
  for (const end = performance.now() + limitMs; ; await new Promise((resolve) => setTimeout(resolve, everyMs))) {
    try {
      if (await ask()) return
      lastError = ''
    } catch (error) {
      if (error instanceof Assertion) throw error
      lastError = `; ${error}`
    }
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${typeof what === 'string' ? what : what()}${lastError}`)
  }
}
