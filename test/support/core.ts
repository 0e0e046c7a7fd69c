import type postgres from 'postgres'
import type { Test } from 'tap'
import { testDatabase, type TestDatabase } from './database.ts'

export type Sql = postgres.Sql<{ bigint: number }>
/** A pool or a transaction of one. */
export type Runner = Sql | postgres.TransactionSql<{ bigint: number }>
export type Row = Record<string, unknown>

export type CoreDatabase = Omit<TestDatabase, 'sql' | 'connect'> & {
  /** The superuser's, with bigints as numbers. */
  sql: Sql
  connect(options?: { max?: number; user?: string; settings?: Record<string, string> }): Sql
  /** A login role of this database's own, member of `roles`, bound to `tenants` (null binds it to all). */
  login(name: string, roles: string[], tenants?: (number | null)[]): Promise<Sql>
}

/** A migrated database for tests of the schema itself. */
export async function coreDatabase(t: Pick<Test, 'teardown'>): Promise<CoreDatabase> {
  const db = await testDatabase(t)
  const connect: CoreDatabase['connect'] = ({ max = 4, user, settings } = {}) =>
    db.connect({
      max,
      ...(user ? { user, password: '' } : {}),
      connection: settings ?? {},
      types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
    }) as unknown as Sql
  const sql = connect({ max: 8 })
  return {
    ...db,
    sql,
    connect,
    async login(name, roles, tenants = []) {
      const role = `${db.name}_${name}`
      await sql.unsafe(`create role ${role} login`)
      for (const group of roles) await sql.unsafe(`grant ${group} to ${role}`)
      for (const tenant of tenants) await sql`select pigeonpost.grant_tenant(${role}, ${tenant})`
      t.teardown(() => sql.unsafe(`drop role ${role}`))
      return connect({ user: role, max: 1 })
    },
  }
}

let count = 0
/** An external id that no other has. */
export const newId = (): string => `id-${++count}`
/** A tenant of this process that no other test uses. */
export const newTenant = (): number => 1000 + ++count
/** A phone number that no other test uses. */
export const newPhone = (): string => `+2783${String(1_000_000 + ++count)}`

export type Message = {
  id: string
  number: number
  tenant_id: number
  account_id: string
  conversation_id: string
  thread_id: string
  customer_id: string | null
  sender_customer_id: string | null
  address: string | null
  direction: string
  channel: string
  external_message_id: string | null
  content_type: string
  body: string | null
  body_version: number
  status: string
  attempts: number
  is_processed: boolean
  lead_id: number | null
  scheduled_for: Date | null
  next_attempt_at: Date | null
  occurred_at: Date
  sent_at: Date | null
  delivered_at: Date | null
  read_at: Date | null
  created_at: Date
  updated_at: Date
}

/** DESIGN's canonical insert; undefined when the row was a second copy. Inbound, with an id of its own, unless `row` says otherwise. */
export async function deliver(sql: Runner, row: Row): Promise<Message | undefined> {
  const full: Row = {
    direction: 'inbound',
    ...(row['direction'] === undefined || row['direction'] === 'inbound'
      ? { external_message_id: newId() }
      : {}),
    ...row,
  }
  const [stored] = await sql<Message[]>`
    insert into pigeonpost.messages ${sql(full as never)}
    on conflict (tenant_id, external_message_id, conversation_id) do nothing returning *`
  return stored
}

/** The same, for a row that must be new. */
export async function store(sql: Runner, row: Row): Promise<Message> {
  const stored = await deliver(sql, row)
  if (!stored) throw new Error('the message was a second copy')
  return stored
}

/** How many rows of a table a tenant has. */
export async function countRows(sql: Runner, table: string, tenant: number): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*) from ${sql(`pigeonpost.${table}`)} where tenant_id = ${tenant}`
  return row?.count ?? 0
}

/** Every row of every table of ours, as one hash per table: equal before and after means that nothing was written. */
export async function contents(sql: Runner): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    select c.relnamespace::regnamespace::text || '.' || c.relname as name from pg_class c
    where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)
      and c.relkind in ('r', 'p') and not c.relispartition order by 1`
  const [row] = await sql.unsafe<{ all: Record<string, string> }[]>(
    `select jsonb_object_agg(name, hash) as all from (${tables
      .map(
        ({ name }) =>
          `select '${name}' as name, count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as hash from ${name} t`,
      )
      .join(' union all ')}) x`,
  )
  return row?.all ?? {}
}

export type Refusal = {
  code: string
  constraint?: string
  column?: string
  hint?: RegExp
  message?: RegExp
}

export type Refused = {
  code: string
  constraint: string | undefined
  column: string | undefined
  hint: string | undefined
  message: string
}

/** What the database says no with; null when it says yes. An error that is not the database's is thrown on. */
export async function refusal(work: Promise<unknown>): Promise<Refused | null> {
  try {
    await work
    return null
  } catch (error) {
    const { code, constraint_name, column_name, hint, message } = error as postgres.PostgresError
    if (typeof code !== 'string' || code.length !== 5) throw error
    return { code, constraint: constraint_name, column: column_name, hint, message }
  }
}

/** Asserts that the database refuses, with SQLSTATE, constraint, column and hint as they are given; ours always have a hint. */
export async function refuses(
  t: Test,
  work: Promise<unknown>,
  expected: Refusal,
  title: string,
): Promise<void> {
  const refused = await refusal(work)
  if (!refused) return void t.fail(`${title}: nothing was refused`)
  const { hint, message, ...exact } = expected
  const found: Row = {}
  for (const key of Object.keys(exact)) found[key] = refused[key as keyof Refused]
  t.same(found, exact, `${title} (${refused.message})`)
  if (hint ?? refused.code.startsWith('PP'))
    t.match(refused.hint, hint ?? /.{10}/, `${title}: hint`)
  if (message) t.match(refused.message, message, `${title}: message`)
}

class Undo extends Error {}

/**
 * Asserts a rule, takes it away, and asserts that it then no longer holds: a test that could not see the rule go would
 * prove nothing. Leaves the database as it was.
 *
 * @param without the statement that takes the rule away
 * @param holds does what the rule forbids, and tells whether it was stopped
 */
export async function rule(
  t: Test,
  sql: Sql,
  title: string,
  without: string,
  holds: (tx: Runner) => Promise<boolean>,
): Promise<void> {
  const trial = async (prepare: string): Promise<boolean> => {
    let result = false
    await sql
      .begin(async (tx) => {
        if (prepare) await tx.unsafe(prepare)
        result = await holds(tx as Runner)
        throw new Undo()
      })
      .catch((error: unknown) => {
        if (!(error instanceof Undo)) throw error
      })
    return result
  }
  t.equal(await trial(''), true, title)
  t.equal(await trial(without), false, `${title}: not so without it`)
}

/** Whether the statements are refused, in a savepoint of their own; what is checked at commit is checked here. */
export async function isRefused(
  tx: Runner,
  work: (tx: Runner) => Promise<unknown>,
  constraint?: string,
): Promise<boolean> {
  const refused = await refusal(
    (tx as postgres.TransactionSql<{ bigint: number }>).savepoint(async (inner) => {
      await work(inner as Runner)
      await inner`set constraints all immediate`
    }),
  )
  return refused !== null && (constraint === undefined || refused.constraint === constraint)
}
