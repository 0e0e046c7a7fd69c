import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import type { Test } from 'tap'
import { createTemplate, databaseUrl, startTestCluster, template } from './cluster.ts'

export type TestDatabase = {
  /** The superuser's. */
  url: string
  name: string
  /** The superuser's pool, of 4 connections. */
  sql: postgres.Sql
  /** One more pool, ended at teardown. A `user` other than the superuser needs no password. */
  connect(options?: postgres.Options<Record<string, postgres.PostgresType>>): postgres.Sql
}

type Scope = Pick<Test, 'teardown'>

let shared: Promise<string> | null = null

/**
 * A database of its own, cloned from the migrated template and dropped at the test's end. Roles are
 * the whole cluster's: derive their names from `name`.
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

  const pools: postgres.Sql[] = []
  const url = databaseUrl(base, name)
  const connect: TestDatabase['connect'] = (given = {}) => {
    const pool = postgres(url, { max: 4, onnotice: () => {}, ...given })
    pools.push(pool)
    return pool
  }
  t.teardown(async () => {
    await Promise.all(pools.map((pool) => pool.end({ timeout: 1 })))
    await admin`drop database if exists ${admin(name)} with (force)`
    await admin.end()
  })
  return { url, name, sql: connect(), connect }
}

/** The suite's cluster; for a single file run by `npx tap file`, one of this process. */
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
