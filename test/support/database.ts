import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import type { Test } from 'tap'
import type { Sql } from '../../db/connect.ts'
import { createTemplate, databaseUrl, startTestCluster, template } from './cluster.ts'

export type TestDatabase = {
  /** The superuser's. */
  url: string
  name: string
  /** The superuser's pool, of 8 connections. */
  sql: Sql
  /** One more pool, of 4 connections by default, ended at teardown. A `user` needs no password. */
  connect(options?: { max?: number; user?: string; settings?: Record<string, string> }): Sql
  /** A pool of a new login that has these roles, and is bound to these tenants (null binds it to all). */
  login(roles: string[], tenants?: (number | null)[], max?: number): Promise<Sql & { role: string }>
}

type Scope = Pick<Test, 'teardown'>

let shared: Promise<string> | null = null

/**
 * A database of its own, cloned from the migrated template and dropped at the test's end. Its pools read bigint as a
 * number, as ours do, and know the server's types, as ours do not: they may be reserved before their first query.
 *
 * @param options.blank an empty database, without migrations
 */
export async function testDatabase(
  t: Scope,
  options: { blank?: boolean } = {},
): Promise<TestDatabase> {
  shared ??= sharedCluster()
  const base = await shared
  const name = `test_${randomBytes(6).toString('hex')}`
  const admin = postgres(base, { max: 1, onnotice: () => {} })
  await clone(admin, name, options.blank ? 'template0' : template)

  const pools: Sql[] = []
  const roles: string[] = []
  const url = databaseUrl(base, name)
  const connect: TestDatabase['connect'] = ({ max = 4, user, settings } = {}) => {
    const pool = postgres(url, {
      max,
      onnotice: () => {},
      ...(user ? { user, password: '' } : {}),
      connection: { application_name: 'test', ...settings },
      types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
    })
    pools.push(pool)
    return pool
  }
  const sql = connect({ max: 8 })
  t.teardown(async () => {
    await Promise.all(pools.map((pool) => pool.end({ timeout: 1 })))
    await admin`drop database if exists ${admin(name)} with (force)`
    // Roles are the whole cluster's, and can go once nothing in the database is granted to them.
    for (const role of roles) await admin`drop role if exists ${admin(role)}`
    await admin.end()
  })
  return {
    url,
    name,
    sql,
    connect,
    async login(groups, tenants = [], max = 1) {
      const role = `${name}_${roles.length + 1}`
      roles.push(role)
      await sql`create role ${sql(role)} login`
      for (const group of groups) await sql`grant ${sql(group)} to ${sql(role)}`
      for (const tenant of tenants) await sql`select pigeonpost.grant_tenant(${role}, ${tenant})`
      return Object.assign(connect({ user: role, max }), { role })
    },
  }
}

/** The suite's cluster; for a single file run by itself, one of this process. */
async function sharedCluster(): Promise<string> {
  const given = process.env['PIGEONPOST_TEST_URL']
  if (given) return given
  const { url } = await startTestCluster()
  await createTemplate(url)
  return url
}

async function clone(admin: postgres.Sql, name: string, source: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await admin`create database ${admin(name)} template ${admin(source)} strategy file_copy`
      return
    } catch (error) {
      const busy = error instanceof postgres.PostgresError && error.code === '55006'
      if (!busy || tries > 100) throw error
      await delay(50)
    }
  }
}
