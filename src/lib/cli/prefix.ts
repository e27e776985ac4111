/** Ids as a person types them: a unique prefix of at least six hex digits stands for the whole id. */
import { MusigError } from '../base/errors.js'

/** The shortest prefix that is accepted. */
const MIN_PREFIX = 6

/** Checks what was typed and gives it in lower case, without `0x`. `kind` names the thing in errors ("transaction"). Errors: `BAD_INPUT`. */
export function parsePrefix(typed: string, kind: string): string {
  const prefix = typed.toLowerCase().replace(/^0x/, '')
  if (!/^[0-9a-f]*$/.test(prefix)) throw new MusigError('BAD_INPUT', `${JSON.stringify(typed)} is not a ${kind} id: ids are hex digits`)
  if (prefix.length < MIN_PREFIX)
    throw new MusigError('BAD_INPUT', `the ${kind} id ${JSON.stringify(typed)} is too short: give at least ${MIN_PREFIX} digits`)
  return prefix
}

/** The one id that begins with `typed`. Errors: `BAD_INPUT` where it is malformed or fits several, `NOT_FOUND` where it fits none. */
export function resolvePrefix(typed: string, ids: Iterable<string>, kind: string): string {
  const prefix = parsePrefix(typed, kind)
  const matches = new Set<string>()
  for (const id of ids) {
    if (id === prefix) return id
    if (id.startsWith(prefix)) matches.add(id)
  }
  const [first, ...others] = matches
  if (first === undefined) throw new MusigError('NOT_FOUND', `no ${kind} whose id begins with ${prefix}`)
  if (others.length > 0) {
    const shown = [first, ...others].slice(0, 3).map((id) => id.slice(0, prefix.length + 6))
    throw new MusigError(
      'BAD_INPUT',
      `${prefix} fits ${matches.size} ${kind} ids (${shown.join(', ')}${matches.size > 3 ? ', …' : ''}): give more digits`,
    )
  }
  return first
}
