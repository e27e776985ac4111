/** Passphrases: from a file, or typed on the terminal without being shown. Never from the command line, where others can read them. */
import { readFileSync, statSync } from 'node:fs'
import { MusigError } from '../base/errors.js'
import { reasonOf, refuseLoose } from './home.js'

/** How to ask for a passphrase. */
export interface PassphraseRequest {
  /** What `--passphrase-file` names, if given; else `MUSIG_PASSPHRASE_FILE` is read, else the terminal asks. */
  file?: string | undefined
  /** The question, for example "Passphrase for key alice". */
  question: string
  /** Asks twice: for a new key. */
  confirm?: boolean
}

/** The passphrase. Errors: `BAD_INPUT` where it is empty, its file is open to others, the two answers differ, or there is no terminal to ask on. */
export async function readPassphrase(request: PassphraseRequest): Promise<string> {
  const file = request.file || process.env['MUSIG_PASSPHRASE_FILE']
  const passphrase = file ? fromFile(file) : await fromTerminal(request)
  if (passphrase === '') throw new MusigError('BAD_INPUT', file ? `the passphrase file ${file} is empty` : 'an empty passphrase protects nothing')
  return passphrase
}

/** The first line of a file; a pipe or file descriptor (`/dev/fd/3`) does as well. */
function fromFile(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats) throw new MusigError('NOT_FOUND', `no such passphrase file: ${file}`)
  if (stats.isFile()) refuseLoose(file, 'file')
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/, 1)[0] ?? ''
  } catch (error) {
    throw new MusigError('BAD_INPUT', `cannot read the passphrase file ${file}: ${reasonOf(error)}`, { cause: error })
  }
}

async function fromTerminal({ question, confirm }: PassphraseRequest): Promise<string> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw new MusigError(
      'BAD_INPUT',
      'a passphrase is needed and there is no terminal to ask on: give --passphrase-file or set MUSIG_PASSPHRASE_FILE',
    )
  }
  const { default: password } = await import('@inquirer/password')
  // stdout belongs to results.
  const ask = (message: string) => password({ message, mask: false }, { output: process.stderr })
  try {
    const passphrase = await ask(question)
    if (confirm && (await ask('The same again')) !== passphrase) throw new MusigError('BAD_INPUT', 'the two passphrases differ: nothing was written')
    return passphrase
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') throw new MusigError('BAD_INPUT', 'no passphrase was given', { cause: error })
    throw error
  }
}
