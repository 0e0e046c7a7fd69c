import { type Db, type Sql, type Transaction } from '../connect.ts'
import { begin } from '../begin.ts'
import { retryTransient } from '../errors.ts'
import { mediaFileColumns, type MediaFileRow } from '../rows.ts'
import { subjectOf } from './tasks.ts'

export type MoveFilter = {
  /** The target storage: files that are there are skipped. */
  to: string
  /** Only files in that storage. */
  from?: string | undefined
  tenantId?: number | undefined
}

/** How many files are elsewhere, and how many bytes they have, by storage. */
export async function countToMove(
  db: Db,
  { to, from, tenantId }: MoveFilter,
): Promise<{ storage: string; files: number; bytes: number }[]> {
  return db<{ storage: string; files: number; bytes: number }[]>`
    select storage, count(*) as files, sum(size)::bigint as bytes from pigeonpost.media_files
    where storage <> ${to} and (${from ?? null}::text is null or storage = ${from ?? null})
      and (${tenantId ?? null}::integer is null or tenant_id = ${tenantId ?? null})
    group by storage order by storage`
}

/** The next files that are elsewhere, by tenant and age. */
export async function selectToMove(
  db: Db,
  { to, from, tenantId }: MoveFilter,
  { after, limit }: { after: MediaFileRow | null; limit: number },
): Promise<MediaFileRow[]> {
  return db<MediaFileRow[]>`
    select ${db(mediaFileColumns)} from pigeonpost.media_files
    where storage <> ${to} and (${from ?? null}::text is null or storage = ${from ?? null})
      and (${tenantId ?? null}::integer is null or tenant_id = ${tenantId ?? null})
      and (tenant_id, id) > (${after?.tenant_id ?? 0}, ${after?.id ?? '00000000-0000-0000-0000-000000000000'}::uuid)
    order by tenant_id, id limit ${limit}`
}

/** How long a put may take before its object counts as abandoned. */
const maxPutSeconds = 3_600

/**
 * Announces puts under keys that no row has in that storage yet: the objects are deleted after an hour, unless
 * `relocateFile` was called. Replaces a task that would have deleted an older object under such a key.
 * @returns false where a worker is deleting there now
 */
export async function announcePut(
  db: Db,
  tenantId: number,
  storage: string,
  keys: string[],
): Promise<boolean> {
  const rows = await db`
    insert into pigeonpost_private.media_tasks as t (tenant_id, kind, subject, due_at, created_at)
    select ${tenantId}, 'delete', s.subject, now() + ${maxPutSeconds} * interval '1 s', now() + ${maxPutSeconds} * interval '1 s'
    from unnest(${subjects(storage, keys)}::text[]) s (subject)
    on conflict on constraint media_tasks_pkey
    do update set due_at = excluded.due_at, created_at = excluded.created_at where t.attempts = 0
    returning t.subject`
  return rows.length === keys.length
}

/**
 * Switches the file to the other storage, under the same keys, which `announcePut` has announced. A worker deletes the old
 * copy `graceMs` later.
 * @returns false, with nothing changed, where it was moved, deleted, is being scanned, or took longer than was announced
 */
export async function relocateFile(
  sql: Sql,
  file: MediaFileRow,
  to: { storage: string; previewKey: string | null; graceMs: number },
): Promise<boolean> {
  const { tenant_id: tenantId, id, storage, storage_key: key, preview_key: preview } = file
  const keys = [key, to.previewKey].filter((one) => one !== null)
  const left = [key, preview].filter((one) => one !== null)
  const work = async (tx: Transaction) => {
    // Held until the end: from here on no worker deletes the new copy as abandoned.
    const announced = await tx`
      select from pigeonpost_private.media_tasks
      where tenant_id = ${tenantId} and kind = 'delete' and subject = any (${subjects(to.storage, keys)}::text[]) and attempts = 0
      order by subject for update`
    if (announced.length < keys.length) return false
    const moved = await tx`
      update pigeonpost.media_files set storage = ${to.storage}, preview_key = ${to.previewKey}
      where tenant_id = ${tenantId} and id = ${id} and storage = ${storage} and storage_key = ${key}
        and preview_key is not distinct from ${preview} and status <> 'scanning'`
    if (moved.count === 0) return false
    await tx`
      delete from pigeonpost_private.media_tasks
      where tenant_id = ${tenantId} and kind = 'delete' and subject = any (${subjects(to.storage, keys)}::text[])`
    await tx`
      update pigeonpost_private.media_tasks
      set due_at = now() + ${to.graceMs} * interval '1 ms', created_at = now() + ${to.graceMs} * interval '1 ms'
      where tenant_id = ${tenantId} and kind = 'delete' and subject = any (${subjects(storage ?? '', left)}::text[])`
    return true
  }
  return retryTransient(() => begin(sql, work))
}

/** Sorted, so that all who write several rows lock them in one order. */
function subjects(storage: string, keys: string[]): string[] {
  return keys.map((key) => subjectOf(storage, key)).toSorted()
}
