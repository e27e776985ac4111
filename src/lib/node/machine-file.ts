/**
 * State machines by the name in a manifest: a built-in one, or a file of the user's named by its digest, so that all signers run the same one. Owns finding out what a file is and
 * loading it: a JavaScript module into this process, anything else as a program beside it (`program-machine.ts`).
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, readFile, stat } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { shorten, toHex } from '../base/bytes.js'
import { MusigError } from '../base/errors.js'
import { MACHINE_NAMES, machineByName } from '../machine/machines.js'
import type { StateMachine } from '../machine/state-machine.js'
import { GuardedMachine } from './guarded-machine.js'
import { MachineHistory } from './machine-history.js'
import { MACHINE_CALLS, type MachineLog, MachineWatch } from './machine-watch.js'
import { systemCode } from './private-file.js'
import { ProgramMachine } from './program-machine.js'

/** A state machine that runs, with what is seen of it. */
export interface LoadedMachine extends StateMachine {
  readonly watch: MachineWatch
  /** Its snapshot for others, who must not stop this process: undefined where it cannot make one. Absent where it always can. */
  offer?(): Uint8Array | undefined
  /** Ends what it runs in. */
  close(): void
}

export interface LoadOptions {
  /** Where failures of the machine go, and what a program says on stderr. */
  log?: MachineLog | undefined
  /** Hears of a failure after which nothing that the machine says counts any more: the process must end. */
  failed?: (error: MusigError) => void
}

/** Bytes of a machine's file. */
const MAX_FILE_BYTES = 64 * 1024 * 1024
const MODULE = new Set(['.js', '.mjs'])
/** What is no module yet, and what to do about it. */
const NOT_YET: ReadonlyMap<string, string> = new Map([
  ...['.ts', '.mts', '.cts', '.tsx', '.jsx'].map((extension) => [extension, 'is not JavaScript yet: build it, and give the .js file'] as const),
  ['.cjs', 'is CommonJS; a state machine is an ES module (.js, .mjs) with a default export'],
])
let modules = 0

/** Whether a manifest's machine is a file, and not built in. */
export function isMachineFile(name: string): boolean {
  return name.startsWith('sha256:')
}

/** The name of a state machine in a file: the digest of the file, which therefore holds all that decides anything. Errors: `NOT_FOUND`, `BAD_INPUT`. */
export async function machineFileName(file: string): Promise<string> {
  return nameOf(await read(file))
}

/** The same, once it is seen that the file makes a state machine. Errors: `NOT_FOUND`, `BAD_INPUT`. */
export async function checkMachineFile(file: string): Promise<string> {
  const name = await machineFileName(file)
  try {
    const machine = await loadMachine(name, file)
    machine.close()
  } catch (error) {
    // Nothing was lost yet: it is simply the wrong program.
    if (error instanceof MusigError && error.code === 'MACHINE_FAILED') throw new MusigError('BAD_INPUT', error.message, { cause: error })
    throw error
  }
  return name
}

/**
 * A new state machine by its name in the manifest. A module's default export is a class, or a function that makes one machine; any other file is a program that speaks
 * JSON lines. Errors: `BAD_INPUT`, `NOT_FOUND` if the file is missing, is not the manifest's or makes no state machine; `MACHINE_FAILED` if a program does not answer.
 */
export async function loadMachine(name: string, file?: string, { log, failed = () => {} }: LoadOptions = {}): Promise<LoadedMachine> {
  if (file === undefined) {
    if (isMachineFile(name))
      throw new MusigError('BAD_INPUT', `the manifest names its state machine by the digest of a file, ${name}: give that file with --machine-file`)
    return Object.assign(machineByName(name), { watch: new MachineWatch(name, undefined, log), close: () => {} })
  }
  if (MACHINE_NAMES.includes(name)) throw new MusigError('BAD_INPUT', `the manifest asks for the built-in state machine ${name}; leave ${file} out`)
  const content = await read(file)
  const found = nameOf(content)
  if (found !== name) throw new MusigError('BAD_INPUT', `${file} is not the state machine of the manifest: its digest is ${found}, not ${name}`)
  const kind = await kindOf(file)
  const machine = kind === 'module' ? await fromModule(file, content) : await ProgramMachine.start(resolve(file), { log, failed })
  const watch = new MachineWatch(name, new MachineHistory(digestOf(machine)), log)
  return new GuardedMachine(machine, watch, failed, () => {
    if (machine instanceof ProgramMachine) machine.close()
  })
}

async function read(file: string): Promise<Uint8Array> {
  try {
    const status = await stat(file)
    if (status.isDirectory()) throw new MusigError('BAD_INPUT', `${file} is a folder, not the file of a state machine`)
    if (status.size > MAX_FILE_BYTES)
      throw new MusigError('BAD_INPUT', `${file} has ${status.size} bytes; the file of a state machine has at most ${MAX_FILE_BYTES}`)
    return await readFile(file)
  } catch (error) {
    if (error instanceof MusigError) throw error
    const reason = systemCode(error) === 'ENOENT' ? 'does not exist' : `cannot be read (${systemCode(error) ?? 'unknown error'})`
    throw new MusigError('NOT_FOUND', `the state machine ${file} ${reason}`, { cause: error })
  }
}

function nameOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** Errors: `BAD_INPUT` on a file that is neither. */
async function kindOf(file: string): Promise<'module' | 'program'> {
  const extension = extname(file).toLowerCase()
  if (MODULE.has(extension)) return 'module'
  const reason = NOT_YET.get(extension)
  if (reason !== undefined) throw new MusigError('BAD_INPUT', `${file} ${reason}`)
  try {
    await access(file, constants.X_OK)
    return 'program'
  } catch {
    throw new MusigError(
      'BAD_INPUT',
      `${file} is no JavaScript module (.js, .mjs) and so a program, but it is not executable; make it so with: chmod +x ${file}`,
    )
  }
}

/** What the module makes. Errors: `BAD_INPUT`. */
async function fromModule(file: string, content: Uint8Array): Promise<StateMachine> {
  let made: unknown
  try {
    const { default: maker } = await import(moduleUrl(file, content))
    if (typeof maker !== 'function') throw new TypeError('its default export is neither a class nor a function')
    made = /^class\b/.test(Function.prototype.toString.call(maker)) ? new maker() : await maker()
  } catch (error) {
    throw new MusigError('BAD_INPUT', `${file} makes no state machine: ${reasonOf(error, file)}`, { cause: error })
  }
  const missing = MACHINE_CALLS.find((method) => typeof (made as Record<string, unknown> | null | undefined)?.[method] !== 'function')
  if (missing) throw new MusigError('BAD_INPUT', `what ${file} makes is no state machine: it has no method “${missing}”`)
  return made as StateMachine
}

/**
 * The content itself as a URL: what is run is what the digest is of, it can import nothing but Node's own modules, which the digest need not cover, and each machine gets the module anew, so
 * that signers in one process share none of its variables.
 */
function moduleUrl(file: string, content: Uint8Array): string {
  const named = Buffer.concat([content, Buffer.from(`\n//# sourceURL=${encodeURI(resolve(file))}?${++modules}\n`)])
  return `data:text/javascript;base64,${named.toString('base64')}`
}

function reasonOf(error: unknown, file: string): string {
  const message = error instanceof Error ? error.message : String(error)
  const specifier = /Failed to resolve module specifier "([^"]{1,200})"/.exec(message)?.[1]
  if (specifier !== undefined)
    return `it imports “${specifier}”, and the manifest’s digest covers one file alone: bundle it (npx esbuild ${file} --bundle --format=esm --platform=node)`
  if (error instanceof SyntaxError) return `${message} (node --check ${file} may show where)`
  return shorten(message, 200)
}

/** The digest of a new machine. Zeros where it fails, as later on. */
function digestOf(machine: StateMachine): string {
  try {
    return toHex(machine.digest())
  } catch (error) {
    if (error instanceof MusigError && error.code === 'MACHINE_FAILED') throw error
    return '00'.repeat(32)
  }
}
