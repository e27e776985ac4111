/** Where a webhook is. Owns that what is executed leaves this machine over TLS alone, unless its operator says otherwise. */
import { MusigError } from '../../base/errors.js'
import { isThisMachine } from '../loopback.js'
import { readUrl, type UrlSource } from './url-source.js'

/** Reads it. Errors: `BAD_INPUT`, `NOT_FOUND`; none repeats the URL, which may be a secret. */
export async function webhookUrl(source: UrlSource, plain: boolean): Promise<URL> {
  const text = await readUrl(source)
  const where = source.type === 'file' ? source.path : 'the URL of a webhook'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw new MusigError('BAD_INPUT', `${where} is not of the form https://HOST/PATH`)
  if (url.hash !== '') throw new MusigError('BAD_INPUT', `${where} has a part behind “#”, which is never sent`)
  if (url.protocol === 'http:' && !isThisMachine(url.hostname) && !plain) {
    throw new MusigError(
      'BAD_INPUT',
      `${where} is http:// on another machine, where others could read and change what is sent; give https://, or say so: --sink webhook:…,plain=yes`,
    )
  }
  return url
}
