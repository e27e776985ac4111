/** What the log of a signer or a peer tells of messages that came to nothing: those that could not be read, and own ones that are too large to be sent. */
import type { Logger } from 'pino'
import type { DriverObserver } from './driver.js'

export function messageLog(log: Logger): DriverObserver {
  return {
    refused: (from, reason) => log.debug({ from, reason }, 'malformed message'),
    unsendable: (to, what) => log.error({ to, what }, 'a message too large to be sent was dropped'),
  }
}
