/**
 * Where a PostgreSQL sink connects: its URL, what the environment adds, and its password. Owns that another machine is spoken to over TLS with a certificate that
 * is checked, unless the URL says otherwise.
 */
import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import { MusigError } from '../../base/errors.js'
import { isThisMachine } from '../loopback.js'
import { readPrivateFile } from '../private-file.js'
import { decoded, readUrl, type UrlSource } from './url-source.js'

export interface PostgresSettings {
  /** A name, an address, or the folder of a socket. */
  host: string
  port: number
  /** Undefined: as the environment, or else the user of this process, says. */
  user: string | undefined
  database: string | undefined
  password: string | undefined
  ssl: ConnectionOptions | false
}

const PARAMETERS = ['host', 'sslmode', 'sslrootcert']
const MODES = ['disable', 'require', 'verify-full']
const DEFAULT_PORT = 5432

/** Reads them. Errors: `BAD_INPUT`, `NOT_FOUND`; none repeats a secret. */
export async function postgresSettings(source: { url: UrlSource; passwordFile: string | undefined }): Promise<PostgresSettings> {
  const text = await readUrl(source.url)
  const where = source.url.type === 'file' ? source.url.path : 'the URL of a postgres sink'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'postgres:' && url?.protocol !== 'postgresql:')
    throw new MusigError('BAD_INPUT', `${where} is not of the form postgres://USER@HOST:PORT/DATABASE`)
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.includes(name))
  if (unknown !== undefined) throw new MusigError('BAD_INPUT', `${where} has the unknown parameter “${unknown}”; there are ${PARAMETERS.join(', ')}`)
  const { env } = process
  const host = url.hostname.replace(/^\[|\]$/g, '') || url.searchParams.get('host') || env['PGHOST'] || 'localhost'
  const password =
    source.passwordFile === undefined
      ? decoded(url.password) || env['PGPASSWORD']
      : (await readPrivateFile(source.passwordFile)).replace(/\r?\n$/, '')
  return {
    host,
    port: Number(url.port || env['PGPORT'] || DEFAULT_PORT),
    user: decoded(url.username) || env['PGUSER'],
    database: decoded(url.pathname.slice(1)) || env['PGDATABASE'],
    password,
    ssl: await tlsOf(url, host, where),
  }
}

async function tlsOf({ searchParams }: URL, host: string, where: string): Promise<ConnectionOptions | false> {
  const mode = searchParams.get('sslmode') ?? (isLocal(host) ? 'disable' : 'verify-full')
  if (!MODES.includes(mode)) throw new MusigError('BAD_INPUT', `${where} has sslmode=${mode.slice(0, 40)}; there are ${MODES.join(', ')}`)
  const rootFile = searchParams.get('sslrootcert')
  // Who names a root certificate wants it to be checked.
  if (mode !== 'verify-full' && rootFile !== null)
    throw new MusigError('BAD_INPUT', `${where} has an sslrootcert, by which sslmode=${mode} checks nothing; give sslmode=verify-full`)
  if (mode === 'disable') return false
  const ca = rootFile === null ? undefined : await readFile(rootFile, 'utf8').catch(() => undefined)
  if (rootFile !== null && ca === undefined) throw new MusigError('NOT_FOUND', `${rootFile}, the sslrootcert of a postgres sink, cannot be read`)
  return { ...(ca !== undefined && { ca }), rejectUnauthorized: mode === 'verify-full' }
}

function isLocal(host: string): boolean {
  return isThisMachine(host) || host.startsWith('/')
}
