import type { Db, Sql } from '../../db/connect.ts'

/**
 * The bare twin of pigeonpost.messages: same columns, same indexes, same durability, no trigger, no foreign key. It is
 * made from the catalog, and what is inserted into it from a row that we stored, so it follows our table by itself.
 */
export async function createTwin(sql: Sql): Promise<void> {
  await sql`create schema if not exists bench`
  await sql`drop table if exists bench.bare`
  await sql`create table bench.bare (like pigeonpost.messages including all)`
  await sql`drop sequence if exists bench.bare_number`
  await sql`create sequence bench.bare_number`
  await sql`alter table bench.bare alter column number set default nextval('bench.bare_number')`
}

/** Columns that differ from message to message; the others hold for each of one shape. */
const varying = [
  'external_message_id',
  'account_id',
  'conversation_id',
  'thread_id',
  'customer_id',
  'sender_customer_id',
  'address',
  'conversation_external_id',
  'body',
  'raw',
]

export type TwinInsert = {
  /** What `$1`, `$2` … stand for; the external id comes first where there is one. */
  columns: string[]
  /** One row, a parameter for each column. */
  single: string
  /** Many rows, an array for each column. */
  batch: string
  /** The values of the messages asked for, in the order of `columns`, less the external id. */
  rows: string[][]
}

/** Inserts that leave in the twin what we left for these messages: `which` is a condition on pigeonpost.messages. */
export async function twinInsert(sql: Db, which: string): Promise<TwinInsert> {
  const catalog = await sql<{ name: string; type: string; is_default: boolean }[]>`
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.atthasdef as is_default
    from pg_attribute a where a.attrelid = 'bench.bare'::regclass and a.attnum > 0 and not a.attisdropped
    order by a.attnum`
  const stored = await sql.unsafe<{ row: Record<string, string | null> }[]>(`
    select (select jsonb_object_agg(key, value) from jsonb_each_text(to_jsonb(m))) as row
    from pigeonpost.messages m where ${which} order by m.number`)
  const template = stored[0]?.row
  if (!template) throw new Error(`no message where ${which}`)
  const given = catalog.filter(
    ({ name }) => template[name] !== null && template[name] !== undefined,
  )
  const columns = varying.filter((name) => given.some((column) => column.name === name))
  const typeOf = (name: string) => given.find((column) => column.name === name)?.type
  const constants = given.filter(
    ({ name }) =>
      !columns.includes(name) && !['id', 'number', 'created_at', 'updated_at'].includes(name),
  )
  const names = [...columns, ...constants.map(({ name }) => name)].join(', ')
  const values = constants.map(({ name, type }) =>
    type === 'timestamp with time zone'
      ? 'now()'
      : `'${(template[name] ?? '').replaceAll("'", "''")}'::${type}`,
  )
  const cast = (place: string, name: string) =>
    name === 'raw' ? `${place}::text::jsonb` : `${place}::${typeOf(name)}`
  const parameters = columns.map((name, i) => cast(`$${i + 1}`, name))
  const arrays = columns.map((name, i) => `$${i + 1}::${name === 'raw' ? 'text' : typeOf(name)}[]`)
  const conflict = columns.includes('external_message_id')
    ? 'on conflict (tenant_id, external_message_id, conversation_id) do nothing'
    : ''
  const fixed = columns.filter((name) => name !== 'external_message_id')
  return {
    columns,
    single: `insert into bench.bare (${names}) values (${[...parameters, ...values].join(', ')}) ${conflict}`,
    batch: `insert into bench.bare (${names})
      select ${[...columns.map((name) => cast(`r.${name}`, name)), ...values].join(', ')}
      from unnest(${arrays.join(', ')}) r (${columns.join(', ')}) ${conflict}`,
    rows: stored.map(({ row }) => fixed.map((name) => row[name] ?? '')),
  }
}
