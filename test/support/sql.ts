import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import type { Test } from 'tap'
import { connect, type Sql } from '../../db/connect.ts'
import { applyFixtures } from '../../db/fixtures.ts'
import { testDatabase, type TestDatabase } from './database.ts'

/** What tests of the SQL core start from: a migrated database, and pools that read bigint as a number. */
export type Core = TestDatabase & {
  sql: Sql
  /** A pool of the superuser's, of `max` connections. */
  pool(max: number, settings?: Record<string, string>): Sql
  /** A pool of a new login that has these roles, and is bound to these tenants. */
  login(roles: string[], tenants?: number[], max?: number): Promise<Sql & { role: string }>
}

type Scope = Pick<Test, 'teardown'>

export async function coreDatabase(t: Scope, options: { blank?: boolean } = {}): Promise<Core> {
  const pools: Sql[] = []
  const logins: string[] = []
  let drop = async (): Promise<void> => {}
  // Teardowns run last in, first out: the roles go when the database that grants them things is gone.
  t.teardown(async () => drop())
  const database = await testDatabase(t, options)
  const { url } = database
  t.teardown(async () => {
    await Promise.all(pools.map((pool) => pool.end({ timeout: 1 })))
  })
  const pool: Core['pool'] = (max, settings) => {
    const made = connect(url, { max, name: 'test', ...(settings && { settings }) })
    pools.push(made)
    return made
  }
  const sql = pool(4)
  return {
    ...database,
    sql,
    pool,
    async login(roles, tenants = [], max = 1) {
      const role = `t_${randomBytes(6).toString('hex')}`
      logins.push(role)
      await sql.unsafe(`create role ${role} login`)
      for (const name of roles) await sql.unsafe(`grant ${name} to ${role}`)
      for (const tenant of tenants) await sql`select pigeonpost.grant_tenant(${role}, ${tenant})`
      drop = async () => {
        const base = new URL(url)
        base.pathname = '/postgres'
        const admin = postgres(base.href, { max: 1, onnotice: () => {} })
        for (const name of logins) await admin.unsafe(`drop role if exists ${name}`)
        await admin.end()
      }
      const own = new URL(url)
      own.username = role
      own.password = ''
      const made = connect(own.href, { max, name: 'test' })
      pools.push(made)
      return Object.assign(made, { role })
    },
  }
}

/** What the database said, for `t.match`: the error's code and constraint, and its column where it names one. */
export async function refusal(
  work: PromiseLike<unknown>,
): Promise<{ code: string; constraint?: string; column?: string }> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error
    return {
      code: error.code,
      ...(error.constraint_name && { constraint: error.constraint_name }),
      ...(error.column_name && { column: error.column_name }),
    }
  }
  return { code: 'none' }
}

/** Numbers from 0 to 1 that are the same in each run. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}

export type Inbound = {
  tenant?: number
  address?: string
  id: string
  body?: string | null
  channel?: string
  more?: Record<string, unknown>
}

/** One inbound message, as a bridge inserts it. Null for a duplicate. */
export async function receive(
  sql: Sql | postgres.TransactionSql<{ bigint: number }>,
  message: Inbound,
): Promise<{
  id: string
  number: number
  conversation_id: string
  thread_id: string
  customer_id: string | null
} | null> {
  const row = {
    tenant_id: message.tenant ?? 1,
    channel: message.channel ?? 'whatsapp',
    direction: 'inbound',
    address: message.address ?? '+27831234567',
    external_message_id: message.id,
    body: message.body === undefined ? message.id : message.body,
    ...message.more,
  }
  const [stored] = await sql`
    insert into pigeonpost.messages ${sql(row)}
    on conflict (tenant_id, external_message_id, conversation_id) do nothing
    returning id, number, conversation_id, thread_id, customer_id`
  return (stored as Awaited<ReturnType<typeof receive>>) ?? null
}

/**
 * Changes a function of the schema for as long as `work` takes, and sees that the change was one: what a test proves is
 * worth something only if it fails without the code under test.
 */
export async function without(
  sql: Sql,
  name: string,
  change: [from: string | RegExp, to: string],
  work: () => Promise<void>,
): Promise<void> {
  const [row] = await sql<{ def: string }[]>`select pg_get_functiondef(${name}::regproc) as def`
  const def = row?.def ?? ''
  const changed = def.replace(...change)
  if (changed === def) throw new Error(`${name} holds no ${String(change[0])}`)
  await sql.unsafe(changed)
  try {
    await work()
  } finally {
    await sql.unsafe(def)
  }
}

/** Whether a backend of this database waits for a lock; `kind` is pg_locks.locktype. */
export async function someoneWaits(sql: Sql, kind?: string): Promise<boolean> {
  const rows = await sql`
    select from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where not l.granted and a.datname = current_database() and l.locktype = coalesce(${kind ?? null}, l.locktype)`
  return rows.length > 0
}

export const migrationsFolder = join(import.meta.dirname, '..', '..', 'migrations')

/**
 * The schema in an empty database, by its committed files and fixtures, without graphile-migrate: that keeps a pool which
 * ends the process when its database goes, as a test may want.
 */
export async function applyCommitted(sql: Sql): Promise<void> {
  const folder = join(migrationsFolder, 'committed')
  for (const name of (await readdir(folder)).toSorted()) {
    await sql.unsafe(await readFile(join(folder, name), 'utf8'))
  }
  await applyFixtures(sql, { always: true })
}
