/** Asks the one who knows most of a batch: its root, which heard of late and missing votes too; another signer where the root cannot be reached. */
import { MusigError } from '../base/errors.js'
import type { BatchDescription } from '../core/describe.js'
import type { Client, Member } from './client.js'

/** How long the root may take before another signer's word is good enough. */
const ROOT_MS = 2_000

/** A batch as its root describes it, or as signer `from` does. Errors: `NOT_FOUND`, `UNREACHABLE`. */
export async function rootView(client: Client, id: string, from: Member | undefined): Promise<BatchDescription> {
  const first = await client.description(id, { from })
  if (from !== undefined) return first
  try {
    return await client.description(first.batchId, { from: first.initiator, timeoutMs: ROOT_MS })
  } catch (error) {
    if (error instanceof MusigError && error.code !== 'INTERNAL') return first
    throw error
  }
}
