import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { begin } from './begin.ts'
import type { Db, Sql } from './connect.ts'
import { migrationsFolder } from './migrations.ts'

/** A file of migrations/fixtures: functions, triggers, views, policies, grants and comments of one topic. */
export type Fixture = { name: string; sha256: string; text: string }

/** The fixtures of this package, in the order in which they are applied. */
export async function readFixtures(): Promise<Fixture[]> {
  const folder = join(migrationsFolder(), 'fixtures')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
  if (names.length === 0) throw new Error(`there are no fixtures in ${folder}`)
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      return { name, text, sha256: createHash('sha256').update(text).digest('hex') }
    }),
  )
}

type Applied = { name: string; sha256: string; earlier: string[] }

/** The names of those that differ from what was applied last; all where there is no record. `migrate` applies them. */
export async function changedFixtures(db: Db): Promise<string[]> {
  return unlike(db, ({ sha256 }) => [sha256])
}

/**
 * The names of those that were never applied in their present form. When a newer release has migrated the database,
 * processes of this release differ from it, but their fixtures were applied before: they are not behind, and stay ready.
 */
export async function missingFixtures(db: Db): Promise<string[]> {
  return unlike(db, ({ sha256, earlier }) => [sha256, ...earlier])
}

async function unlike(db: Db, known: (row: Applied) => string[]): Promise<string[]> {
  const [ledger] = await db<{ there: boolean }[]>`
    select to_regclass('pigeonpost_private.fixtures') is not null as there`
  const rows = ledger?.there
    ? await db<Applied[]>`select name, sha256, earlier from pigeonpost_private.fixtures`
    : []
  const applied = new Map(rows.map((row) => [row.name, known(row)]))
  return (await readFixtures())
    .filter(({ name, sha256 }) => !applied.get(name)?.includes(sha256))
    .map(({ name }) => name)
}

/** ms to wait for a lock: whoever needs that table after us waits as long. */
const lockTimeoutMs = 2_000
const maxTries = 30

/**
 * Applies all fixtures in one transaction if any of them has changed or `always` is set (a migration has run): policies and
 * grants refer to tables and functions of other fixtures. Applying one again changes nothing. Retries when a table is
 * locked for long, and after a deadlock with writers.
 * @returns the names of those that had changed
 */
export async function applyFixtures(
  sql: Sql,
  options: { always?: boolean; log?: ((line: string) => void) | undefined } = {},
): Promise<string[]> {
  const changed = await changedFixtures(sql)
  if (changed.length === 0 && !options.always) return []
  const fixtures = await readFixtures()
  for (let tries = 1; ; tries += 1) {
    try {
      await begin(sql, async (tx) => {
        await tx`select set_config('lock_timeout', ${String(lockTimeoutMs)}, true)`
        for (const { text } of fixtures) await tx.unsafe(text)
        await tx`
          insert into pigeonpost_private.fixtures as f (name, sha256)
          select * from unnest(${fixtures.map(({ name }) => name)}::text[], ${fixtures.map(({ sha256 }) => sha256)}::text[])
          on conflict (name) do update set sha256 = excluded.sha256, applied_at = now(),
            earlier = array_append(array_remove(f.earlier, excluded.sha256), f.sha256)
          where f.sha256 <> excluded.sha256`
      })
      return changed
    } catch (error) {
      // lock_not_available, deadlock_detected
      const { code } = error as { code?: unknown }
      if ((code !== '55P03' && code !== '40P01') || tries >= maxTries) throw error
      options.log?.('a table is in use by a long transaction; trying again')
    }
  }
}
