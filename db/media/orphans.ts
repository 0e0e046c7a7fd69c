import type { Db } from '../connect.ts'
import { mediaFileColumns, type MediaFileRow } from '../rows.ts'
import { type MediaTask, subjectOf } from './tasks.ts'

/** A file in a storage, as parsed from its key. */
export type PlacedFile = {
  tenantId: number
  /** The id of its row, if there is one. */
  fileId: string
  storage: string
  key: string
}

/**
 * The files that have no row, and no pending put or delete.
 * `foreign`: of a tenant that is not in this database, or that the role may not see, so that it cannot be told.
 */
export async function findUnreferenced(
  db: Db,
  files: PlacedFile[],
): Promise<{ key: string; foreign: boolean }[]> {
  return db<{ key: string; foreign: boolean }[]>`
    with mine as materialized (select pigeonpost.my_tenants() as ids)
    select g.key, (g.tenant_id = any (m.ids)) is not true as foreign
    from mine m, unnest(${files.map(({ tenantId }) => tenantId)}::bigint[], ${files.map(({ fileId }) => fileId)}::uuid[],
      ${files.map(({ storage }) => storage)}::text[], ${files.map(({ key }) => key)}::text[]) g (tenant_id, id, storage, key)
    where not exists (
      select from pigeonpost.media_files f
      where f.tenant_id = g.tenant_id and f.id = g.id and f.storage = g.storage and g.key in (f.storage_key, f.preview_key))
    and not exists (
      select from pigeonpost_private.media_tasks t
      where t.tenant_id = g.tenant_id and t.kind = 'delete' and t.subject = g.storage || ':' || g.key)`
}

/** Whether a row has the file. */
export async function isReferenced(db: Db, file: PlacedFile): Promise<boolean> {
  const rows = await db`
    select from pigeonpost.media_files f
    where f.tenant_id = ${file.tenantId} and f.id = ${file.fileId} and f.storage = ${file.storage}
      and ${file.key} in (f.storage_key, f.preview_key)`
  return rows.length > 0
}

/**
 * Claims the deletion of a file, as a task that another worker takes over if we die: while the task exists nobody puts an
 * object under that key. Then checks again that no row has it.
 * @returns the task to finish once the file is deleted; null where a row has it, or someone else deletes or puts it
 */
export async function takeDeletion(
  db: Db,
  file: PlacedFile,
  leaseMs: number,
): Promise<MediaTask | null> {
  const { tenantId, storage, key } = file
  const subject = subjectOf(storage, key)
  const taken = await db`
    insert into pigeonpost_private.media_tasks (tenant_id, kind, subject, due_at, attempts)
    values (${tenantId}, 'delete', ${subject}, clock_timestamp() + ${leaseMs} * interval '1 ms', 1)
    on conflict on constraint media_tasks_pkey do nothing`
  if (taken.count === 0) return null
  const task: MediaTask = { tenantId, kind: 'delete', subject, attempt: 1 }
  if (!(await isReferenced(db, file))) return task
  await db`
    delete from pigeonpost_private.media_tasks where tenant_id = ${tenantId} and kind = 'delete' and subject = ${subject}`
  return null
}

/** The next files that a row says are stored, by tenant and age. */
export async function selectStored(
  db: Db,
  { after, limit }: { after: MediaFileRow | null; limit: number },
): Promise<MediaFileRow[]> {
  return db<MediaFileRow[]>`
    select ${db(mediaFileColumns)} from pigeonpost.media_files
    where storage_key is not null
      and (tenant_id, id) > (${after?.tenant_id ?? 0}, ${after?.id ?? '00000000-0000-0000-0000-000000000000'}::uuid)
    order by tenant_id, id limit ${limit}`
}
