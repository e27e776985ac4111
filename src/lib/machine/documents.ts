/**
 * The document store: JSON documents that are created, updated, patched and deleted. Each change gives a document
 * the next version, and a change may name the version it expects. A deleted document leaves its version behind, so that one version never
 * means two contents. Documents have no owner: whoever may submit may change them.
 */
import { utf8, utf8Length } from '../base/bytes.js'
import { type Codec, mapped, nullable, object, oneOf, refuse, text, uint } from '../base/codec.js'
import { MusigError, unreachable } from '../base/errors.js'
import { LIMITS } from '../core/limits.js'
import type { Transaction } from '../core/transaction.js'
import { canonicalJson, type Json, readJson } from './json.js'
import { mergePatch } from './merge-patch.js'
import { type Draft, draftOf, name, type OperationOf, operationOf } from './operation.js'
import type { Receipt, StateMachine } from './state-machine.js'
import { Table } from './table.js'

/** Bytes of a document's canonical text. */
export const MAX_DOCUMENT_BYTES = LIMITS.payloadBytes

/** A value that came through `readJson`, which has checked it. */
const json: Codec<Json> = { encode: (value) => value, decode: (plain) => plain as Json, write: inJsonAlone, read: inJsonAlone }
const expected = nullable(uint())

const operations = {
  /** Makes a document that does not exist. */
  create: object({ op: oneOf(['create']), id: name, document: json }),
  /** Replaces a document that exists. */
  update: unversioned(object({ op: oneOf(['update']), id: name, document: json, version: expected })),
  /** Makes or replaces. */
  put: unversioned(object({ op: oneOf(['put']), id: name, document: json, version: expected })),
  /** Merges a patch into a document that exists (RFC 7386). */
  patch: unversioned(object({ op: oneOf(['patch']), id: name, patch: json, version: expected })),
  delete: unversioned(object({ op: oneOf(['delete']), id: name, version: expected })),
}

type Operation = OperationOf<typeof operations>

/** Lets the field `version` be left out, for null. */
function unversioned<T>(codec: Codec<T>): Codec<T> {
  return { ...codec, decode: (plain, form, place) => codec.decode({ version: null, ...(plain as object) }, form, place) }
}

/** Operations are JSON, and never CBOR: it holds no fractions. */
function inJsonAlone(): never {
  return refuse('document', 'operations stand in JSON alone')
}

/** Canonical text of a document that is there, null for one that was deleted. */
const entry = object({
  version: uint(),
  text: nullable(
    mapped(
      text(MAX_DOCUMENT_BYTES),
      (value, place) => (isCanonical(value) ? value : refuse(place, 'not canonical JSON')),
      (value) => value,
    ),
  ),
})

function isCanonical(value: string): boolean {
  try {
    return canonicalJson(readJson(utf8(value))) === value
  } catch (error) {
    if (error instanceof MusigError && error.code === 'BAD_ENCODING') return false
    throw error
  }
}

/** The dependency key of a document, which is also the path to query it. */
export function documentKey(id: string): string {
  return `doc:${id}`
}

function keysOf(operation: Operation): string[] {
  return [documentKey(operation.id)]
}

function draft(op: string, id: string, fields: object, version: number | undefined): Draft {
  return draftOf(operations, keysOf, { op, id, ...fields, ...(version !== undefined && { version }) })
}

/** Makes a document that does not exist. Errors: `BAD_INPUT`. */
export function createPayload(id: string, document: Json): Draft {
  return draft('create', id, { document }, undefined)
}

/** Replaces a document that exists, if `version` is given only at that version. Errors: `BAD_INPUT`. */
export function updatePayload(id: string, document: Json, version?: number): Draft {
  return draft('update', id, { document }, version)
}

/** Makes or replaces a document, if `version` is given only at that version. Errors: `BAD_INPUT`. */
export function putPayload(id: string, document: Json, version?: number): Draft {
  return draft('put', id, { document }, version)
}

/** Merges an RFC 7386 patch into a document that exists, if `version` is given only at that version. Errors: `BAD_INPUT`. */
export function patchPayload(id: string, patch: Json, version?: number): Draft {
  return draft('patch', id, { patch }, version)
}

/** Deletes a document, if `version` is given only at that version. Errors: `BAD_INPUT`. */
export function deletePayload(id: string, version?: number): Draft {
  return draft('delete', id, {}, version)
}

/** An operation from its JSON fields, with the key that it needs. Errors: `BAD_INPUT`. */
export function documentsDraft(fields: object): Draft {
  return draftOf(operations, keysOf, fields)
}

/** Queries: `doc:ID` gives `{id, version, document}`, `documents` gives `{count}`. */
export class Documents implements StateMachine {
  readonly #documents = new Table('documents', name, entry)

  check(transaction: Transaction): string | undefined {
    const read = operationOf(operations, keysOf, transaction)
    return typeof read === 'string' ? read : undefined
  }

  apply(transaction: Transaction): Receipt {
    const read = operationOf(operations, keysOf, transaction)
    return typeof read === 'string' ? { ok: false, reason: read } : this.#change(read.operation)
  }

  query(path: string): unknown {
    if (path === 'documents') return { count: [...this.#documents.values()].filter(({ text }) => text !== null).length }
    if (!path.startsWith('doc:')) return undefined
    const id = path.slice('doc:'.length)
    const { version, text } = this.#at(id)
    return text === null ? undefined : { id, version, document: JSON.parse(text) }
  }

  digest(): Uint8Array {
    return this.#documents.digest()
  }

  snapshot(): Uint8Array {
    return this.#documents.snapshot()
  }

  restore(snapshot: Uint8Array): void {
    this.#documents.restore(snapshot)
  }

  #at(id: string): { version: number; text: string | null } {
    return this.#documents.get(id) ?? { version: 0, text: null }
  }

  #change(operation: Operation): Receipt {
    const { op, id } = operation
    const { version, text } = this.#at(id)
    if (op === 'create' && text !== null) return { ok: false, reason: `document ${id} exists already, at version ${version}` }
    const wanted = op === 'create' ? null : operation.version
    if (text === null && op !== 'create' && (op !== 'put' || wanted !== null)) return { ok: false, reason: `there is no document ${id}` }
    if (wanted !== null && wanted !== version) return { ok: false, reason: `document ${id} is at version ${version}, not ${wanted}` }
    const next = nextText(operation, text)
    if (next !== null && utf8Length(next) > MAX_DOCUMENT_BYTES) {
      return { ok: false, reason: `document ${id} would be larger than ${MAX_DOCUMENT_BYTES} bytes` }
    }
    this.#documents.set(id, { version: version + 1, text: next })
    return { ok: true, result: { id, version: version + 1 } }
  }
}

/** The canonical text after an operation, null after a deletion. */
function nextText(operation: Operation, text: string | null): string | null {
  switch (operation.op) {
    case 'create':
    case 'update':
    case 'put':
      return canonicalJson(operation.document)
    case 'patch':
      return canonicalJson(mergePatch(text === null ? undefined : JSON.parse(text), operation.patch))
    case 'delete':
      return null
    default:
      return unreachable(operation)
  }
}
