/** Listening on an address, and the file that says who does. */
import { writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { MusigError } from '../base/errors.js'
import type { LinkServer } from './link-tls.js'

/** Resolves once `server` listens there. Errors: `BUSY` where another process does, `BAD_INPUT`. */
export function listen(server: Server | LinkServer, url: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new MusigError('BUSY', `port ${url.port} on ${url.hostname} is in use by another process`, { cause: error })
          : new MusigError('BAD_INPUT', `cannot listen on ${url.host}: ${error.code ?? error.message}`, { cause: error }),
      )
    })
    server.listen(
      { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || (url.protocol === 'wss:' ? 443 : 80)), backlog: 1024 },
      resolve,
    )
  })
}

/** Writes which process listens at `url`: `{pid, startedAt, url}`. */
export function writePidFile(path: string, url: URL): void {
  writeFileSync(path, `${JSON.stringify({ pid: process.pid, startedAt: Date.now(), url: url.origin })}\n`, { mode: 0o600 })
}
