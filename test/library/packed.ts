/**
 * The package as a user installs it, without a registry: packed, unpacked into node_modules of an empty project, and given the packages that it names as its
 * dependencies and no others. What it imports without naming is not found there.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TIME_LIMIT_MS = 110_000

/** What a program printed, and how it ended. */
export interface Ended {
  code: number
  stdout: string
  stderr: string
}

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'musig-project-'))
  /** Where the package lies in it. */
  readonly installed = join(this.folder, 'node_modules', 'musig-paxos')

  /** `also`: further packages that the project itself depends on. */
  constructor(also: readonly string[] = []) {
    const modules = dirname(this.installed)
    mkdirSync(modules)
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', this.folder]
    const [packed] = JSON.parse(execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
    execFileSync('tar', ['-xzf', join(this.folder, packed.filename), '-C', this.folder])
    renameSync(join(this.folder, 'package'), this.installed)
    rmSync(join(this.folder, packed.filename))
    const { dependencies } = JSON.parse(readFileSync(join(this.installed, 'package.json'), 'utf8'))
    for (const name of [...Object.keys(dependencies), ...also]) {
      mkdirSync(dirname(join(modules, name)), { recursive: true })
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
    }
    this.write('package.json', JSON.stringify({ name: 'project', private: true, type: 'module' }))
  }

  /** Writes a file of the project, and gives its path. */
  write(name: string, content: string): string {
    const path = join(this.folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    return path
  }

  /** Runs node in the project. */
  async node(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
    const child = spawn(process.execPath, args, {
      cwd: this.folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIME_LIMIT_MS,
    })
    const ended: Ended = { code: -1, stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      ended.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      ended.stderr += text
    })
    ended.code = await new Promise((resolve, reject) => child.on('close', (code) => resolve(code ?? -1)).on('error', reject))
    return ended
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
