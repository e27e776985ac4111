/**
 * `--sink KIND:TARGET[,OPTION=VALUE…]`: reading it. Owns the kinds, their options, and that no secret stands on a command line: a URL with a password comes from
 * a file of mode 0600 (`@FILE`), which is read again whenever the sink is opened, so that a secret may be exchanged while the node runs.
 */
import { resolve } from 'node:path'
import { list, text } from '../../base/codec.js'
import { MusigError } from '../../base/errors.js'
import { readPrivateFile } from '../private-file.js'
import { postgresSettings } from './postgres-settings.js'
import type { UrlSource } from './url-source.js'
import { webhookUrl } from './webhook-url.js'

export type SinkSpec = {
  /** What status, metrics and log call it; each sink of a node has another one. */
  name: string
  /** Where it is, to be shown. */
  target: string
} & (
  | { type: 'jsonl'; path: string }
  /** `prefix`: how the names of its tables begin. */
  | { type: 'postgres'; url: UrlSource; passwordFile: string | undefined; prefix: string }
  /** `plain`: whether it may be another machine's `http://`. */
  | { type: 'webhook'; url: UrlSource; secretFile: string | undefined; plain: boolean }
)

const OPTIONS = {
  jsonl: ['name'],
  postgres: ['name', 'prefix', 'password-file'],
  webhook: ['name', 'secret-file', 'plain'],
} as const

/** The sinks of a node in a JSON file: each as it would stand on the command line. */
export const sinksCodec = list(text(4096, 1), 16)

const FORMS = 'jsonl:FILE, postgres:URL or webhook:URL, or with @FILE in the place of a URL that holds a password or token'
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/
const PREFIX = /^[a-z_][a-z0-9_]{0,39}$/

/** Reads the sinks of a node. Errors: `BAD_INPUT`, `NOT_FOUND`; none repeats a secret. */
export async function readSinks(texts: readonly string[]): Promise<SinkSpec[]> {
  const specs = await Promise.all(texts.map(readSink))
  const names = specs.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new MusigError('BAD_INPUT', `two sinks are named “${twice}”; give one of them another name: --sink …,name=NAME`)
  return specs
}

/** The same sinks in words that mean the same in any folder: files by their whole paths. Errors: those of `readSinks`. */
export async function placedSinks(texts: readonly string[]): Promise<string[]> {
  await readSinks(texts)
  return texts.map((text) => {
    const { kind, rest } = kindOf(text)
    const { target, options } = split(rest, kind)
    const placed = kind === 'jsonl' ? resolve(target) : target.startsWith('@') ? `@${resolve(target.slice(1))}` : target
    const placedOptions = [...options].map(([name, value]) => `,${name}=${name.endsWith('-file') ? resolve(value) : value}`)
    return `${kind}:${placed}${placedOptions.join('')}`
  })
}

function kindOf(text: string): { kind: keyof typeof OPTIONS; rest: string } {
  // What most tools call such a URL.
  if (text.startsWith('postgresql://')) return { kind: 'postgres', rest: text }
  const kind = (Object.keys(OPTIONS) as (keyof typeof OPTIONS)[]).find((known) => text.startsWith(`${known}:`))
  return kind
    ? { kind, rest: text.slice(kind.length + 1) }
    : refuse(`“${text.split(':', 1)[0]?.slice(0, 40)}” is no kind of sink; there are ${FORMS}`)
}

async function readSink(text: string): Promise<SinkSpec> {
  const { kind, rest } = kindOf(text)
  const { target, options } = split(rest, kind)
  const name = options.get('name') ?? kind
  if (!NAME.test(name)) refuse(`“${name.slice(0, 80)}” is no name of a sink: letters, digits, “.”, “_” and “-”, 60 at most`)
  if (target === '' && kind !== 'postgres') refuse(`the sink “${kind}:” names nothing; there are ${FORMS}`)
  switch (kind) {
    case 'jsonl':
      return { type: kind, name, target: resolve(target), path: resolve(target) }
    case 'postgres': {
      const prefix = options.get('prefix') ?? 'musig'
      if (!PREFIX.test(prefix)) refuse(`“${prefix.slice(0, 80)}” is no prefix of tables: lower-case letters, digits and “_”, 40 at most`)
      const url = sourceOf(target, kind)
      const passwordFile = options.get('password-file')
      const { host, port, database } = await postgresSettings({ url, passwordFile })
      return { type: kind, name, target: `${host}:${port}/${database ?? ''} ${prefix}_*`, url, passwordFile, prefix }
    }
    case 'webhook': {
      const plain = options.get('plain') ?? 'no'
      if (plain !== 'yes' && plain !== 'no') refuse('plain= is neither yes nor no')
      const url = sourceOf(target, kind)
      // Its path may be all that keeps others out.
      const { origin } = await webhookUrl(url, plain === 'yes')
      const secretFile = options.get('secret-file')
      if (secretFile !== undefined) await readPrivateFile(secretFile)
      return { type: kind, name, target: origin, url, secretFile, plain: plain === 'yes' }
    }
  }
}

function sourceOf(target: string, kind: 'postgres' | 'webhook'): UrlSource {
  if (target.startsWith('@')) return { type: 'file', path: target.slice(1) }
  // `postgres://host/db` is a URL itself.
  const url = kind === 'postgres' && (target === '' || target.startsWith('//')) ? `postgres:${target || '//'}` : target
  const { username, password } = URL.canParse(url) ? new URL(url) : { username: '', password: '' }
  if (password !== '' || (kind === 'webhook' && username !== '')) {
    refuse(
      `the URL of a ${kind} sink has credentials in it, and every user of this machine can read a command line: put the URL into a file of mode 0600 and give --sink ${kind}:@FILE`,
    )
  }
  return { type: 'given', url }
}

/** Options stand behind the target, each with a comma. */
function split(text: string, kind: keyof typeof OPTIONS): { target: string; options: Map<string, string> } {
  const options = new Map<string, string>()
  let target = text
  for (let match = /,([a-z-]+)=([^,]*)$/.exec(target); match; match = /,([a-z-]+)=([^,]*)$/.exec(target)) {
    const [whole, name = '', value = ''] = match
    if (!OPTIONS[kind].some((known) => known === name))
      refuse(`a ${kind} sink has no option “${name}”; there are ${OPTIONS[kind].join(', ')} (write a comma of a URL as %2C)`)
    if (options.has(name)) refuse(`the option “${name}” of a ${kind} sink stands twice`)
    options.set(name, value)
    target = target.slice(0, -whole.length)
  }
  return { target, options }
}

function refuse(message: string): never {
  throw new MusigError('BAD_INPUT', message)
}
