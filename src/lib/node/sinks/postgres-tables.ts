/**
 * The tables of a PostgreSQL sink: their layout with its versions, the statements on them, and how a record becomes a row. Connections and positions are the
 * affair of `postgres.ts`.
 */
import type { SinkRecord } from './sink.js'

/**
 * For each version of the layout what leads to it from the one before; `$P` is the prefix. A version that was released is never changed: the next one is put
 * behind it.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE $P_sink (
     one boolean PRIMARY KEY DEFAULT true CHECK (one),
     version integer NOT NULL,
     cluster_id text NOT NULL,
     cluster text NOT NULL,
     transactions bigint NOT NULL DEFAULT 0,
     log_digest text,
     written_at timestamptz
   );
   CREATE TABLE $P_transactions (
     index bigint PRIMARY KEY,
     tx_id text NOT NULL UNIQUE,
     batch_id text NOT NULL,
     index_in_batch integer NOT NULL,
     position jsonb NOT NULL,
     keys text[] NOT NULL,
     client text,
     payload bytea NOT NULL,
     json jsonb,
     receipt jsonb NOT NULL,
     path text NOT NULL,
     ballot bigint NOT NULL,
     time timestamptz NOT NULL,
     written_at timestamptz NOT NULL DEFAULT now()
   )`,
]

/** The statements on the tables of one prefix. */
export function statementsOf(prefix: string) {
  const named = (sql: string) => sql.replaceAll('$P', prefix)
  return {
    migrations: MIGRATIONS.map(named),
    // A name that one who may read the tables alone can ask for.
    isThere: named(`SELECT to_regclass('$P_sink') IS NOT NULL AS there`),
    claim: named('INSERT INTO $P_sink (version, cluster_id, cluster) VALUES ($1, $2, $3)'),
    migrated: named('UPDATE $P_sink SET version = $1'),
    position: named('SELECT version, cluster_id, transactions, log_digest FROM $P_sink'),
    // One statement and so one transaction: rows that stand behind another position than is thought are not written, and then neither is the position.
    write: named(`WITH moved AS (
        UPDATE $P_sink SET transactions = $2, log_digest = $3, written_at = now() WHERE transactions = $1 RETURNING 1
      )
      INSERT INTO $P_transactions
        (index, tx_id, batch_id, index_in_batch, position, keys, client, payload, json, receipt, path, ballot, time)
      SELECT index, tx_id, batch_id, index_in_batch, position::jsonb, keys::text[], client, decode(payload, 'hex'), json::jsonb, receipt::jsonb, path, ballot,
        to_timestamp(time)
      FROM moved, unnest($4::bigint[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
        $14::text[], $15::bigint[], $16::bigint[])
        AS r(index, tx_id, batch_id, index_in_batch, position, keys, client, payload, json, receipt, path, ballot, time)`),
    held: named('SELECT index, tx_id, batch_id, position FROM $P_transactions WHERE index >= $1 ORDER BY index LIMIT $2'),
  }
}

/** The columns of records, as `write` takes them: a list for each. */
export function columnsOf(records: readonly SinkRecord[]): unknown[] {
  const column = (value: (record: SinkRecord) => unknown) => records.map(value)
  return [
    column(({ index }) => index),
    column(({ txId }) => txId),
    column(({ batchId }) => batchId),
    column(({ indexInBatch }) => indexInBatch),
    column(({ position }) => JSON.stringify(plainPosition(position))),
    column(({ keys }) => arrayLiteral(keys.map(plainText))),
    column(({ client }) => client),
    column(({ payload }) => payload),
    column(({ json }) => (json === undefined || !fitsJsonb(json) ? null : JSON.stringify(json))),
    column(({ receipt }) => JSON.stringify(fitsJsonb(receipt) ? receipt : JSON.stringify(receipt))),
    column(({ path }) => path),
    column(({ ballot }) => ballot),
    column(({ time }) => time),
  ]
}

/** PostgreSQL's text cannot hold a zero character, which a key may have: it becomes U+FFFD. */
export function plainPosition(position: SinkRecord['position']): SinkRecord['position'] {
  return Object.fromEntries(Object.entries(position).map(([key, height]) => [plainText(key), height]))
}

function plainText(text: string): string {
  return text.replaceAll('\0', '\ufffd')
}

/** How deep a value may be nested: PostgreSQL reads JSON with a stack of limited size. */
const MAX_DEPTH = 512

/** Whether `jsonb` can hold a value: no zero character, no half of a surrogate pair, not too deep. Whoever sends a transaction must not be able to stop a sink. */
function fitsJsonb(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return !/\0|\p{Surrogate}/u.test(value)
  if (typeof value !== 'object' || value === null) return true
  if (depth === MAX_DEPTH) return false
  return Object.entries(value).every(([key, item]) => fitsJsonb(key) && fitsJsonb(item, depth + 1))
}

function arrayLiteral(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replace(/["\\]/g, '\\$&')}"`).join(',')}}`
}
