/**
 * Errors: one class for everything that can go wrong in operation, with a code from one table, and `invariant` for our own bugs.
 * What others send us wrongly never ends as an exception outside a decoder; see `cbor.ts` and `codec.ts`.
 */

/** What each error code means to a caller: the exit code of a command, and whether the outcome is known for certain. */
const TABLE = {
  BAD_INPUT: { exitCode: 2, definite: true },
  BAD_ENCODING: { exitCode: 2, definite: true },
  NOT_FOUND: { exitCode: 2, definite: true },
  ALREADY_EXISTS: { exitCode: 2, definite: true },
  NOT_BUILT: { exitCode: 2, definite: true },
  BUSY: { exitCode: 3, definite: true },
  CHECK_FAILED: { exitCode: 1, definite: true },
  REJECTED: { exitCode: 1, definite: true },
  UNREACHABLE: { exitCode: 3, definite: true },
  NO_QUORUM: { exitCode: 3, definite: false },
  TIMED_OUT: { exitCode: 3, definite: false },
  STORE_FAILED: { exitCode: 4, definite: false },
  MACHINE_FAILED: { exitCode: 4, definite: false },
  INTERNAL: { exitCode: 4, definite: false },
} as const

/** A name from the table of error codes; stands in `--json` output as `code`. */
export type ErrorCode = keyof typeof TABLE

/** An operating error: one line that says what is wrong, with which value, and what to do about it. */
export class MusigError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'MusigError'
    this.code = code
  }

  /** The exit code of a command that ends with this error (0 done, 1 a check said no, 2 usage, 3 unreachable or timed out, 4 internal). */
  get exitCode(): number {
    return TABLE[this.code].exitCode
  }

  /** False where the thing asked for may have happened all the same, for example after a time-out. */
  get definite(): boolean {
    return TABLE[this.code].definite
  }
}

/** Stops the process on a bug of ours: throws an `INTERNAL` error if `condition` does not hold. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new MusigError('INTERNAL', `broken invariant: ${message}`)
}

/** Ends a `switch` over a union: does not compile unless every case was handled. */
export function unreachable(value: never): never {
  throw new MusigError('INTERNAL', `broken invariant: unexpected ${JSON.stringify(value)}`)
}
