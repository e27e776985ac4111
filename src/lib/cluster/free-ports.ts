/** Ports of this machine that nobody listens on. Owns where they are looked for; who gets them is the caller's affair. */
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { MusigError } from '../base/errors.js'

/**
 * Where ports are looked for: below those that systems hand out to outgoing connections (32768 up on Linux, 49152 elsewhere), or else one of the cluster's
 * own links could sit on the port of a signer that comes back.
 */
const FIRST = 12_000
const LAST = 32_700
const HIGHEST = 65_535

/** Whether one can listen on the port now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** `count` ports from `base` on, all of them free. Errors: `BAD_INPUT` with the one that is not. */
export async function portsFrom(base: number, count: number): Promise<number[]> {
  if (base + count - 1 > HIGHEST)
    throw new MusigError('BAD_INPUT', `${count} signers need the ports ${base} to ${base + count - 1}, but the highest is ${HIGHEST}`)
  const ports = Array.from({ length: count }, (_, i) => base + i)
  for (const port of ports)
    if (!(await isFree(port)))
      throw new MusigError('BAD_INPUT', `port ${port} is in use by another process; choose another --base-port, or leave it out`)
  return ports
}

/** `count` free ports that are not in `taken`, side by side where that can be. `name` says where the search begins. Errors: `BUSY`. */
export async function freePorts(count: number, taken: ReadonlySet<number>, name: string): Promise<number[]> {
  const range = LAST - FIRST + 1
  const start = createHash('sha256').update(name).digest().readUInt32BE(0) % range
  const found: number[] = []
  for (let i = 0; i < range && found.length < count; i++) {
    const port = FIRST + ((start + i) % range)
    if (!taken.has(port) && (await isFree(port))) found.push(port)
  }
  if (found.length < count)
    throw new MusigError('BUSY', `there are only ${found.length} free ports for ${count} signers between ${FIRST} and ${LAST}`)
  return found
}
