/**
 * State machines by the name in a manifest: a built-in one, or a file of the user's named by its digest, so that all signers run the same one. Owns loading
 * and keeping its exceptions from stopping a signer.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MusigError } from '../base/errors.js'
import { MACHINE_NAMES, machineByName } from '../machine/machines.js'
import type { Receipt, StateMachine } from '../machine/state-machine.js'

const METHODS = ['check', 'apply', 'query', 'digest', 'snapshot', 'restore'] as const

/** The name of a state machine in a file: the digest of the file, which therefore holds all that decides anything. Errors: `NOT_FOUND`. */
export async function machineFileName(file: string): Promise<string> {
  const content = await readFile(file).catch((error: unknown) => {
    throw new MusigError('NOT_FOUND', `the state machine ${file} cannot be read`, { cause: error })
  })
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/**
 * A new state machine by its name in the manifest. A file's default export is a class, or a function that makes one machine. Errors: `BAD_INPUT` if the file
 * is missing, is not the manifest's or makes no state machine.
 */
export async function loadMachine(name: string, file?: string): Promise<StateMachine> {
  if (file === undefined) return machineByName(name)
  if (MACHINE_NAMES.includes(name)) throw new MusigError('BAD_INPUT', `the manifest asks for the built-in state machine ${name}; leave ${file} out`)
  const found = await machineFileName(file)
  if (found !== name) throw new MusigError('BAD_INPUT', `${file} is not the state machine of the manifest: its digest is ${found}, not ${name}`)
  const made: unknown = await make(file)
  const missing = METHODS.find((method) => typeof (made as Record<string, unknown> | null)?.[method] !== 'function')
  if (missing) throw new MusigError('BAD_INPUT', `what ${file} makes is no state machine: it has no method “${missing}”`)
  return guarded(made as StateMachine)
}

async function make(file: string): Promise<unknown> {
  try {
    const { default: maker } = await import(pathToFileURL(resolve(file)).href)
    return /^class\b/.test(Function.prototype.toString.call(maker)) ? new maker() : maker()
  } catch (error) {
    throw new MusigError('BAD_INPUT', `${file} makes no state machine: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

/** One transaction must not stop all signers: what a foreign machine throws becomes a refusal, the same everywhere. */
function guarded(machine: StateMachine): StateMachine {
  return {
    check(transaction) {
      try {
        return machine.check(transaction)
      } catch {
        return 'the state machine fails on it'
      }
    },
    apply(transaction, position): Receipt {
      try {
        return machine.apply(transaction, position)
      } catch {
        return { ok: false, reason: 'the state machine failed' }
      }
    },
    query(path) {
      try {
        return machine.query(path)
      } catch {
        return undefined
      }
    },
    digest: () => machine.digest(),
    snapshot: () => machine.snapshot(),
    restore: (snapshot) => machine.restore(snapshot),
  }
}
