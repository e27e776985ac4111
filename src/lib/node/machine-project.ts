/**
 * A new project for a state machine of one's own, out of a template: all of its files or none. Owns names, what is filled in, and that nothing is written over; what a machine is stands in the templates.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { MusigError } from '../base/errors.js'
import { systemCode } from './private-file.js'

/** Languages that there is a template of. */
export const MACHINE_LANGUAGES = ['ts', 'python'] as const

export interface ProjectOptions {
  /** Of the project, and of its folder. */
  name: string
  language: (typeof MACHINE_LANGUAGES)[number]
  /** The folder in which the project's is made. */
  parent: string
  /** The folder of the templates, one of each language in it. */
  templates: string
  /** Where the project gets this package from: a version or range, a file or a folder. */
  musig: string
}

/** What was written. */
export interface MachineProject {
  folder: string
  /** Paths in the folder, sorted. */
  files: string[]
}

/** What npm takes as the name of a package, and a cluster as its own. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/
const SPEC = /^[\x21-\x7e]{1,200}$/
/** npm installs no package into one of the same name. */
const TAKEN = ['musig-paxos', 'typescript', 'node_modules']

/** Writes the project. Errors: `BAD_INPUT` on a name that is none, or where nothing can be written; `ALREADY_EXISTS`. */
export async function writeMachineProject({ name, language, parent, templates, musig }: ProjectOptions): Promise<MachineProject> {
  if (!NAME.test(name) || name.endsWith('.lock'))
    throw new MusigError(
      'BAD_INPUT',
      `“${name.slice(0, 80)}” is no name for a project; use up to 64 of a–z, 0–9, “.”, “_” and “-”, a letter or digit first`,
    )
  if (TAKEN.includes(name)) throw new MusigError('BAD_INPUT', `“${name}” is the name of something that the project uses; give it another one`)
  const folder = join(resolve(parent), name)
  if (await isThere(folder)) throw new MusigError('ALREADY_EXISTS', `${folder} exists already; give another name, or take it away first`)
  const filled = { name, musig: specOf(musig, folder) }
  const template = join(templates, language)
  const draft = join(dirname(folder), `.${name}.${randomBytes(6).toString('hex')}.new`)
  try {
    const files = await fill(template, draft, filled)
    await rename(draft, folder)
    return { folder, files }
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (systemCode(error) === 'ENOTEMPTY' || systemCode(error) === 'EEXIST')
      throw new MusigError('ALREADY_EXISTS', `${folder} exists already; give another name, or take it away first`, { cause: error })
    if (systemCode(error) === undefined) throw error
    throw new MusigError('BAD_INPUT', `cannot write ${folder}: ${systemCode(error)}`, { cause: error })
  }
}

async function fill(template: string, draft: string, filled: Record<string, string>): Promise<string[]> {
  const entries = await readdir(template, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => relative(template, join(entry.parentPath, entry.name)))
  const files: string[] = []
  await mkdir(draft)
  for (const path of paths) {
    const text = (await readFile(join(template, path), 'utf8')).replace(/\{\{(\w+)\}\}/g, (whole, word: string) => filled[word] ?? whole)
    // Under its own name it would decide what the package itself holds.
    const target = path === 'gitignore' ? '.gitignore' : path
    await mkdir(dirname(join(draft, target)), { recursive: true })
    await writeFile(join(draft, target), text, { flag: 'wx' })
    // Programs come out of a package without their mode.
    if (text.startsWith('#!')) await chmod(join(draft, target), 0o755)
    files.push(target)
  }
  return files.sort()
}

/** A file or folder seen from the project's; all else as it is. */
function specOf(musig: string, folder: string): string {
  if (existsSync(musig)) return `file:${relative(folder, resolve(musig))}`
  if (!SPEC.test(musig) || /["\\]/.test(musig) || /^[./~]/.test(musig))
    throw new MusigError('BAD_INPUT', `“${musig.slice(0, 80)}” is neither a file or folder that is there nor a version for npm`)
  return musig
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
