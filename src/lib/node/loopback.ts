/**
 * The rule that everything speaks on this machine only, unless it is a link over TLS: which addresses may be dialled and listened at, and which callers are let
 * in without TLS.
 */
import { isIPv4 } from 'node:net'
import { MusigError } from '../base/errors.js'

const HOSTS = ['127.0.0.1', '[::1]', 'localhost']

/** Reads `http://127.0.0.1:port` (or `[::1]`, `localhost`). Errors: `BAD_INPUT` for any other scheme or host, and for a path, query or password. */
export function loopbackUrl(address: string, what = 'address'): URL {
  if (!URL.canParse(address)) throw new MusigError('BAD_INPUT', `${what} “${address}” is no URL; give one like http://127.0.0.1:7000`)
  const url = new URL(address)
  if (url.protocol !== 'http:' || !isBare(url)) throw new MusigError('BAD_INPUT', `${what} “${address}” is not of the form http://127.0.0.1:port`)
  if (!HOSTS.includes(url.hostname)) {
    throw new MusigError('BAD_INPUT', `${what} “${address}” is not on this machine; only 127.0.0.1, [::1] and localhost are dialled`)
  }
  return url
}

/**
 * Reads where a signer's links are: an address of this machine as above, or `wss://host:port` anywhere. Errors: `BAD_INPUT` for all else, plain addresses of
 * other machines first of all.
 */
export function linkUrl(address: string, what = 'address'): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol === 'wss:') {
    if (isBare(url)) return url
    throw new MusigError('BAD_INPUT', `${what} “${address}” is not of the form wss://host:port`)
  }
  if (url && ['http:', 'ws:'].includes(url.protocol) && isBare(url) && !HOSTS.includes(url.hostname))
    throw new MusigError('BAD_INPUT', `${what} “${address}” is not on this machine; links between machines need TLS: give wss://${url.host}`)
  return loopbackUrl(address, what)
}

function isBare(url: URL): boolean {
  return url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
}

/** Whether a host that is about to be spoken to is this machine, as far as its name alone tells: `127.example.com` is not. */
export function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'))
}

/** Whether a socket's other end is on this machine. */
export function isLoopback(remoteAddress: string | undefined): boolean {
  return remoteAddress !== undefined && (remoteAddress === '::1' || /^(::ffff:)?127\./.test(remoteAddress))
}
