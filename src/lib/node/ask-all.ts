/** Asks every signer, or several members, the same thing at once; what each answers, or that it does not, is told apart from errors of the question itself. */
import { MusigError } from '../base/errors.js'
import type { Manifest } from '../core/manifest.js'
import type { Client } from './client.js'

/** A member that does not answer within this time counts as silent. */
export const ANSWER_MS = 2000

/** What each of them answers: null for one that does not answer, undefined for one that answers and knows nothing of it. Errors: those of the question (`BAD_INPUT`). */
export function askAll<M, T>(members: readonly M[], ask: (member: M) => Promise<T>): Promise<(T | null | undefined)[]> {
  return Promise.all(
    members.map(async (member) => {
      try {
        return await ask(member)
      } catch (error) {
        if (!(error instanceof MusigError) || error.code === 'BAD_INPUT') throw error
        return error.code === 'NOT_FOUND' ? undefined : null
      }
    }),
  )
}

/** A client with the manifest, and a way to ask all its signers the same at once. */
export function askingSigners(client: Client, manifest: Manifest) {
  return {
    manifest,
    client,
    everyone: <T>(ask: (from: { from: number; timeoutMs: number }) => Promise<T>) =>
      askAll([...manifest.signers.keys()], (from) => ask({ from, timeoutMs: ANSWER_MS })),
  }
}
