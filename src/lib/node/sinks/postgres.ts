/**
 * The sink `postgres`: a row for each executed transaction. Exactly once: rows and position are one transaction of the database. Owns the connection, the lock
 * that keeps a second writer away, and the making of the tables, whose layout is `postgres-tables.ts`.
 */
import { Socket } from 'node:net'
import type { Client } from 'pg'
import { invariant, MusigError } from '../../base/errors.js'
import { postgresSettings } from './postgres-settings.js'
import { columnsOf, plainPosition, statementsOf } from './postgres-tables.js'
import type { HeldRecord, Sink, SinkPosition, SinkRecord } from './sink.js'
import type { UrlSource } from './url-source.js'

export interface PostgresOptions {
  url: UrlSource
  passwordFile: string | undefined
  /** How the names of its tables begin. */
  prefix: string
  /** What the server shows of this connection. */
  name: string
  clusterId: string
  cluster: string
}

const CONNECT_MS = 10_000
/** A statement takes no longer, or is given up at both ends. */
const STATEMENT_MS = 60_000
const CLOSE_MS = 1_000
/** An idle connection whose other end is gone is noticed after a minute or two, at both ends: the server's would keep the lock for hours. */
const KEEPALIVE = { idleS: 60, intervalS: 10, count: 3 } as const
/** Rows read at once. */
const PAGE = 5_000

interface PositionRow {
  version: number
  cluster_id: string
  transactions: string
  log_digest: string | null
}

export class PostgresSink implements Sink {
  readonly #options: PostgresOptions
  readonly #sql: ReturnType<typeof statementsOf>
  #connection: { client: Client; socket: Socket } | undefined

  constructor(options: PostgresOptions) {
    this.#options = options
    this.#sql = statementsOf(options.prefix)
  }

  async open(lost: (error: Error) => void): Promise<SinkPosition> {
    const client = await this.#connect(lost)
    await this.#lock(client)
    const { rows } = await client.query<{ there: boolean }>(this.#sql.isThere)
    if (!rows[0]?.there) await this.#migrate(client, 0)
    const found = await this.#position(client)
    if (found.version < this.#sql.migrations.length) await this.#migrate(client, found.version)
    return { count: Number(found.transactions), logDigest: found.log_digest }
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    const [first, last] = [records[0], records.at(-1)]
    if (!first || !last) return
    const values = [first.index, last.index + 1, last.logDigest, ...columnsOf(records)]
    const { rowCount } = await this.#client.query({ name: 'write', text: this.#sql.write, values })
    if (rowCount !== records.length) throw new Error(`its position is not ${first.index} any more: another process has written to it`)
  }

  async *held(): AsyncIterable<readonly HeldRecord[]> {
    for (let from = 0; ; ) {
      const { rows } = await this.#client.query<{ index: string; tx_id: string; batch_id: string; position: Record<string, number> }>(
        this.#sql.held,
        [from, PAGE],
      )
      const last = rows.at(-1)
      if (!last) return
      yield rows.map(({ tx_id, batch_id, position }) => ({ txId: tx_id, batchId: batch_id, position }))
      from = Number(last.index) + 1
    }
  }

  kept(position: SinkRecord['position']): SinkRecord['position'] {
    return plainPosition(position)
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    if (!connection) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS)
    })
    await Promise.race([connection.client.end().catch(() => {}), late])
    clearTimeout(timer)
    // The lock goes with the connection: one that waits for an answer in vain must not keep it.
    connection.socket.destroy()
  }

  get #client(): Client {
    invariant(this.#connection, 'a sink is opened before it is used')
    return this.#connection.client
  }

  async #connect(lost: (error: Error) => void): Promise<Client> {
    // Signers without this sink need not load it.
    const { default: pg } = await import('pg')
    const { host, port, user, database, password, ssl } = await postgresSettings(this.#options)
    const socket = new Socket()
    const client = new pg.Client({
      host,
      port,
      ...(user !== undefined && { user }),
      ...(database !== undefined && { database }),
      ...(password !== undefined && { password }),
      ssl,
      stream: () => socket,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: STATEMENT_MS,
      statement_timeout: STATEMENT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: 1000 * KEEPALIVE.idleS,
      application_name: `musig ${this.#options.name}`,
    })
    client.on('error', lost)
    client.on('end', () => lost(new Error('the connection to the server has ended')))
    this.#connection = { client, socket }
    await client.connect()
    // What a session of this user or database may be set to otherwise must not make a group that is reported as written one that is not.
    const { idleS, intervalS, count } = KEEPALIVE
    await client.query(
      `SET synchronous_commit TO on; SET tcp_keepalives_idle TO ${idleS}; SET tcp_keepalives_interval TO ${intervalS}; SET tcp_keepalives_count TO ${count}`,
    )
    const { rows } = await client.query<{ encoding: string }>(`SELECT current_setting('server_encoding') AS encoding`)
    const encoding = rows[0]?.encoding
    if (encoding !== 'UTF8')
      throw new MusigError('CHECK_FAILED', `its database has the encoding ${encoding}, which cannot hold all keys: it must be UTF8`)
    return client
  }

  /** Errors: `BUSY` with who has it. */
  async #lock(client: Client): Promise<void> {
    // Two databases of one server do not share locks, two schemas of one database do.
    const key = `hashtextextended('musig sink ' || coalesce(current_schema(), '') || '.' || $1, 0)`
    const { rows } = await client.query<{ locked: boolean }>(`SELECT pg_try_advisory_lock(${key}) AS locked`, [this.#options.prefix])
    if (rows[0]?.locked) return
    const holders = await client.query<{ pid: number; application_name: string | null; client_addr: string | null }>(
      `SELECT l.pid, a.application_name, a.client_addr::text FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
       WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (l.classid::bigint << 32 | l.objid::bigint) = ${key}`,
      [this.#options.prefix],
    )
    const [holder] = holders.rows
    const who = holder
      ? `${holder.application_name || 'a process'}${holder.client_addr ? ` at ${holder.client_addr}` : ''}, server process ${holder.pid}`
      : 'another process'
    throw new MusigError('BUSY', `${who} writes to its tables ${this.#options.prefix}_*`)
  }

  /** Errors: `CHECK_FAILED` if the tables are not this sink's. */
  async #position(client: Client): Promise<PositionRow> {
    const { clusterId, prefix } = this.#options
    const { rows } = await client.query<PositionRow>(this.#sql.position)
    const [row] = rows
    const refuse = (problem: string) => new MusigError('CHECK_FAILED', `its tables ${prefix}_* ${problem}`)
    if (!row) throw refuse('do not tell where they end: the one row of the first of them is gone')
    if (row.version > this.#sql.migrations.length)
      throw refuse(`are of version ${row.version}, and this musig knows ${this.#sql.migrations.length}: start a newer one`)
    if (row.cluster_id !== clusterId) throw refuse(`hold the transactions of another cluster (${row.cluster_id.slice(0, 16)}…); give another prefix=`)
    return row
  }

  /** Makes the tables, or brings older ones up to date. */
  async #migrate(client: Client, found: number): Promise<void> {
    const { clusterId, cluster } = this.#options
    const { migrations, claim, migrated } = this.#sql
    await client.query('BEGIN')
    for (const migration of migrations.slice(found)) await client.query(migration)
    if (found === 0) await client.query(claim, [migrations.length, clusterId, cluster])
    else await client.query(migrated, [migrations.length])
    await client.query('COMMIT')
  }
}
