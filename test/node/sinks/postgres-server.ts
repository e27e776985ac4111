/** A PostgreSQL server of the test's own: in a temporary folder, on a free port, gone with the test. Its binaries must be on this machine. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { freePorts } from '../cluster-fixture.js'

const USER = 'musig'
const READY_MS = 60_000
/** Where distributions put binaries that are not meant to be on the path. */
const FOLDERS = ['/usr/lib/postgresql', '/usr/local/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt']

/** The folder of the newest server on this machine; undefined if there is none. */
function binaries(): string | undefined {
  const versions = FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder)
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map((version) => join(folder, version, 'bin')),
  )
  const folders = [...versions, ...(process.env['PATH'] ?? '').split(delimiter)]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

/** Why no server can be started here; undefined if one can. */
export function noServer(): string | undefined {
  if (process.platform === 'win32') return 'the test starts no PostgreSQL server on Windows'
  if (!binaries()) return 'there is no PostgreSQL server on this machine (Debian: apt install postgresql)'
  if (process.getuid?.() === 0 && !otherUser()) return 'a PostgreSQL server does not run as root, and there is no user postgres or nobody'
  return undefined
}

/** Whom a server runs as where the test runs as root. */
function otherUser(): { uid: number; gid: number } | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  const entry = ['postgres', 'nobody'].flatMap((name) => lines.find((line) => line.startsWith(`${name}:`)) ?? [])[0]
  const [, , uid, gid] = entry?.split(':') ?? []
  return uid !== undefined && gid !== undefined ? { uid: Number(uid), gid: Number(gid) } : undefined
}

export class PostgresServer {
  readonly port: number
  readonly #folder: string
  readonly #binaries: string
  readonly #as: { uid?: number; gid?: number }
  readonly #onExit = () => this.#process?.kill('SIGQUIT')
  #process: ChildProcess | undefined
  #recoveries = 0

  /** Makes one and starts it. `password`: of its one user, who otherwise needs none. */
  static async start(password?: string): Promise<PostgresServer> {
    const [port = 0] = await freePorts(1)
    const server = new PostgresServer(port)
    server.#make(password)
    await server.up()
    return server
  }

  private constructor(port: number) {
    this.port = port
    this.#binaries = binaries() ?? ''
    this.#as = process.getuid?.() === 0 ? (otherUser() ?? {}) : {}
    this.#folder = mkdtempSync(join(tmpdir(), 'musig-postgres-'))
    if (this.#as.uid !== undefined && this.#as.gid !== undefined) chownSync(this.#folder, this.#as.uid, this.#as.gid)
    process.once('exit', this.#onExit)
  }

  /** Where a sink finds it. */
  url(database = 'postgres'): string {
    return `postgres://${USER}@127.0.0.1:${this.port}/${database}`
  }

  /** Starts it, or starts it again after a stop; resolves once it answers. */
  async up(): Promise<void> {
    const settings = { listen_addresses: '127.0.0.1', port: this.port, unix_socket_directories: '', max_connections: 20, shared_buffers: '16MB' }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    let said = ''
    const child = spawn(join(this.#binaries, 'postgres'), ['-D', join(this.#folder, 'data'), ...flags], {
      ...this.#as,
      cwd: this.#folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr.on('data', (data: Buffer) => {
      said = (said + data.toString()).slice(-4000)
    })
    createInterface(child.stderr).on('line', (line) => {
      if (line.includes('automatic recovery in progress')) this.#recoveries++
    })
    this.#process = child
    for (const end = Date.now() + READY_MS; !(await this.#answers()); ) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`the server did not start: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /**
   * `immediate`: as `pg_ctl stop -m immediate` does it, with recovery at the next start; `kill`: kill -9 of all its processes; `fast`: it ends its sessions and
   * writes all.
   */
  async stop(mode: 'immediate' | 'kill' | 'fast' = 'immediate'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    if (mode === 'kill') this.#signal(child.pid ?? 0, 'SIGKILL')
    else child.kill(mode === 'immediate' ? 'SIGQUIT' : 'SIGINT')
    await ended
  }

  /** How often it had to recover at a start, for it had not come to its end by itself. */
  get recoveries(): number {
    return this.#recoveries
  }

  /** Lets it speak TLS from now on, with this certificate. */
  async useTls({ certificate, key }: { certificate: string; key: string }): Promise<void> {
    const files = { 'server.crt': certificate, 'server.key': key }
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.#folder, name)
      writeFileSync(path, text, { mode: 0o600 })
      if (this.#as.uid !== undefined && this.#as.gid !== undefined) chownSync(path, this.#as.uid, this.#as.gid)
    }
    await this.query(`ALTER SYSTEM SET ssl_cert_file = '${join(this.#folder, 'server.crt')}'`)
    await this.query(`ALTER SYSTEM SET ssl_key_file = '${join(this.#folder, 'server.key')}'`)
    await this.query('ALTER SYSTEM SET ssl = on')
    await this.query('SELECT pg_reload_conf()')
    for (const end = Date.now() + READY_MS; (await this.query<{ ssl: string }>('SHOW ssl'))[0]?.ssl !== 'on'; ) {
      if (Date.now() > end) throw new Error('the server does not speak TLS')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async remove(): Promise<void> {
    await this.stop()
    process.off('exit', this.#onExit)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Stands the processes of the server still, or lets them go on: it takes connections and answers nothing. */
  pause(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#signal(this.#process?.pid ?? 0, signal)
  }

  #signal(pid: number, signal: NodeJS.Signals): void {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    for (const each of [String(pid), ...children]) {
      try {
        process.kill(Number(each), signal)
      } catch {
        // A process of one connection, which has ended meanwhile.
      }
    }
  }

  /** Runs statements, the last of which answers with rows. */
  async query<R extends pg.QueryResultRow>(sql: string, values?: unknown[], database = 'postgres'): Promise<R[]> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user: USER, database, password: this.#password })
    try {
      await client.connect()
      return (await client.query<R>(sql, values)).rows
    } finally {
      await client.end()
    }
  }

  #password: string | undefined

  #make(password: string | undefined): void {
    this.#password = password
    const passwordFile = join(this.#folder, 'password')
    writeFileSync(passwordFile, password ?? '')
    const passwordFlags = password === undefined ? ['--auth=trust'] : ['--auth=scram-sha-256', `--pwfile=${passwordFile}`]
    execFileSync(
      join(this.#binaries, 'initdb'),
      ['-D', join(this.#folder, 'data'), '-U', USER, '--encoding=UTF8', '--locale=C', '--no-sync', ...passwordFlags],
      { ...this.#as, cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] },
    )
  }

  async #answers(): Promise<boolean> {
    try {
      await this.query('SELECT 1')
      return true
    } catch {
      return false
    }
  }
}
