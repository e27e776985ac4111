/** Where the URL of a sink is read: on the command line or, if it holds a secret, in a private file, again whenever the sink is opened. */
import { readPrivateFile } from '../private-file.js'

export type UrlSource = { type: 'given'; url: string } | { type: 'file'; path: string }

/** A part of a URL without its escapes; one that is escaped wrongly stays as it is. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The text of the URL. Errors: `BAD_INPUT`, `NOT_FOUND` where its file is open to others or cannot be read. */
export async function readUrl(source: UrlSource): Promise<string> {
  return source.type === 'given' ? source.url : (await readPrivateFile(source.path)).trim()
}
