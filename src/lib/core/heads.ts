/**
 * Heads of key logs (§11): what a signer answers who asks whether their logs are alike. A head binds the whole log of its key up to its height, so
 * equal heads at one height mean equal logs.
 */
import { toHex } from '../base/bytes.js'
import type { KeyLogs } from './key-logs.js'
import type { MessageOf } from './message.js'
import type { Heights } from './view.js'

/** The heads at these heights, or at the latest ones where the logs are shorter; keys without executed batches are left out. */
export function headsAt(logs: KeyLogs, heights: Heights): MessageOf<'heads'> {
  const heads: MessageOf<'heads'>['heads'] = new Map()
  for (const [key, asked] of heights) {
    const height = Math.min(asked, logs.heightOf(key))
    if (height > 0) heads.set(key, { height, head: toHex(logs.headOf(key, height)) })
  }
  return { type: 'heads', heads }
}
