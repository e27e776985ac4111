/**
 * What the package exports, read from the compiler's declarations in dist/: each name with its declaration and its docstring. Owns that reading; which names
 * stand together on a page is `make-library.ts`.
 */
import { readFileSync } from 'node:fs'
import { posix } from 'node:path'

/** One exported name. `text`: its declaration as a reader wants it; `doc`: the docstring's words; `example`: its example's code. */
export interface Exported {
  name: string
  kind: 'function' | 'class' | 'interface' | 'type' | 'const'
  text: string
  doc: string
  example: string | undefined
}

/** The exports of an entry (`pure`, `index`) by name, those of the entries that it exports again included. Throws where one lacks a docstring. */
export function exportsOf(entry: string): Map<string, Exported> {
  const exported = new Map<string, Exported>()
  const source = declarations(`${entry}.d.ts`)
  for (const [, other = ''] of source.matchAll(/^export \* from '\.\/(\w+)\.js';$/gm))
    for (const [name, one] of exportsOf(other)) exported.set(name, one)
  for (const [, names = '', path = ''] of source.matchAll(/^export (?:type )?\{([^}]*)\} from '(\.\/[^']+)\.js';$/gm)) {
    const module = declarations(posix.join('.', `${path}.d.ts`))
    for (const name of names.split(',').map((part) => part.replace(/^\s*type /, '').trim()))
      if (name !== '') exported.set(name, find(module, name, path))
  }
  return exported
}

function declarations(path: string): string {
  return readFileSync(new URL(`../dist/${path}`, import.meta.url), 'utf8')
}

function find(module: string, name: string, path: string): Exported {
  const head = new RegExp(`^(/\\*\\*(?:(?!\\*/)[^])*\\*/\\n)?export (?:declare )?(function|class|interface|type|const) ${name}\\b`, 'm').exec(module)
  if (!head) throw new Error(`${path}: no declaration of ${name}`)
  const [whole, comment, kind] = head
  if (comment === undefined) throw new Error(`${path}: ${name} is exported and has no docstring`)
  const start = head.index + comment.length
  const rest = module.slice(start)
  // A declaration ends at the first line that closes it in the first column; one of a single line ends with that.
  const end = /^[^\n]*\{\n/.test(rest) ? rest.search(/^\}(?:.*;)?$/m) + (/^\}(?:.*;)?$/m.exec(rest)?.[0].length ?? 0) : rest.indexOf('\n')
  if (whole.includes('§') && !/\(§/.test(whole)) throw new Error(`${path}: the docstring of ${name} speaks of sections of another text`)
  return { name, kind: kind as Exported['kind'], text: readable(rest.slice(0, end), module), ...docOf(comment) }
}

/** The declaration as a person would write it. */
function readable(text: string, module: string): string {
  return text
    .replace(/^export (?:declare )?/, '')
    .replace(/ extends Decoded<typeof (\w+)> \{\n/g, (_, codec: string) => ` ${codecType(module, codec).slice(0, -1)}`)
    .replace(/\bDecoded<typeof (\w+)>/g, (_, codec: string) => codecType(module, codec))
    .replace(/\(typeof (\w+)\)\[number\]/g, (_, list: string) => listed(module, list))
    .replace(/keyof typeof (\w+)/g, (_, table: string) => keysOf(module, table))
    .replace(/\bEvidence\['type'\]/g, () =>
      [...module.matchAll(/^ {4}('[a-z-]+'): (?:import\([^)]*\)\.)?(?:Object)?Codec</gm)].map(([, kind]) => kind).join(' | '),
    )
    .replace(/Uint8Array<ArrayBufferLike>/g, 'Uint8Array')
    .replace(/^ +#private;\n/m, '')
    .replace(/\{ [^{}]*? \}(\??): /g, 'options$1: ')
    .replace(/ ?\(§[\d, §]+\)/g, '')
    .replace(/^ +/gm, (spaces) => ' '.repeat(Math.ceil(spaces.length / 2)))
    .replace(/;$/gm, '')
    .replace(/"/g, "'")
}

/** The type of a codec's values, from the codec's declaration. */
function codecType(module: string, codec: string): string {
  const found = new RegExp(`^(?:export )?declare const ${codec}: (?:import\\([^)]*\\)\\.)?(?:Object)?Codec<(\\{\\n[^]*?^\\})>;$`, 'm').exec(module)
  if (found?.[1] === undefined) throw new Error(`no type of ${codec} is declared`)
  return found[1]
}

/** The words of a constant list, as a union. */
function listed(module: string, list: string): string {
  const found = new RegExp(`declare const ${list}: readonly \\[([^\\]]*)\\]`).exec(module)
  if (found?.[1] === undefined) throw new Error(`no type of ${list} is declared`)
  return found[1].split(', ').join(' | ')
}

/** The keys of a constant table, as a union. */
function keysOf(module: string, table: string): string {
  const found = new RegExp(`^declare const ${table}: \\{\\n([^]*?)^\\}`, 'm').exec(module)
  if (found?.[1] === undefined) throw new Error(`no type of ${table} is declared`)
  return [...found[1].matchAll(/^ {4}readonly (\w+):/gm)].map(([, key]) => `'${key}'`).join(' | ')
}

function docOf(comment: string): { doc: string; example: string | undefined } {
  const lines = comment.replace(/^\/\*\*|\*\/\s*$/g, '').split('\n')
  const words = lines.map((line) => line.replace(/^ *\* ?/, '').trimEnd()).join('\n')
  const [doc = '', example] = words.split(/^@example\n/m)
  return {
    doc: doc
      .replace(/\s+/g, ' ')
      .replace(/ ?\(§[\d, §]+\)/g, '')
      .trim(),
    example: example?.trim(),
  }
}
