/** A secret typed on the terminal without being shown, where it is no passphrase (those: `prompt.ts`). */
import { MusigError } from '../base/errors.js'

/** What was typed. `otherwise` says what helps where there is no terminal. Errors: `BAD_INPUT`. */
export async function askSecret(question: string, otherwise: string): Promise<string> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw new MusigError('BAD_INPUT', `there is no terminal to ask on: ${otherwise}`)
  }
  const { default: password } = await import('@inquirer/password')
  try {
    // stdout belongs to results.
    return await password({ message: question, mask: false }, { output: process.stderr })
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') throw new MusigError('BAD_INPUT', 'nothing was typed', { cause: error })
    throw error
  }
}
