/** The rule that everything speaks on this machine only: which addresses may be dialled, and which callers are let in. */
import { MusigError } from '../base/errors.js'

const HOSTS = ['127.0.0.1', '[::1]', 'localhost']

/** Reads `http://127.0.0.1:port` (or `[::1]`, `localhost`). Errors: `BAD_INPUT` for any other scheme or host, and for a path, query or password. */
export function loopbackUrl(address: string, what = 'address'): URL {
  if (!URL.canParse(address)) throw new MusigError('BAD_INPUT', `${what} “${address}” is no URL; give one like http://127.0.0.1:7000`)
  const url = new URL(address)
  const bare = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (url.protocol !== 'http:' || !bare) throw new MusigError('BAD_INPUT', `${what} “${address}” is not of the form http://127.0.0.1:port`)
  if (!HOSTS.includes(url.hostname)) {
    throw new MusigError('BAD_INPUT', `${what} “${address}” is not on this machine; only 127.0.0.1, [::1] and localhost are dialled`)
  }
  return url
}

/** Whether a socket's other end is on this machine. */
export function isLoopback(remoteAddress: string | undefined): boolean {
  return remoteAddress !== undefined && (remoteAddress === '::1' || /^(::ffff:)?127\./.test(remoteAddress))
}
