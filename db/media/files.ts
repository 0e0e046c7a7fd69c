import type { Db, Transaction } from '../connect.ts'
import { mediaFileColumns, type MediaFileRow, type MediaStatus } from '../rows.ts'
import { subjectOf } from './tasks.ts'

/** A file's properties, and where it is stored. */
export type NewFile = {
  tenantId: number
  /** Its storage key has this in it. */
  id: string
  /** Hex. */
  sha256: string
  /** Bytes. */
  size: number
  contentType: string
  status: MediaStatus
  /** Null for an infected file, which is never stored. */
  storage: string | null
  storageKey: string | null
  previewKey: string | null
  metadata: Record<string, unknown>
  /** What the scanner calls the virus. */
  signature: string | null
  /** Why it could not be scanned. */
  errorMessage: string | null
}

/** The tenant's file of that content, null where there is none. */
export async function findFileByHash(
  db: Db,
  tenantId: number,
  sha256: string,
): Promise<MediaFileRow | null> {
  const [row] = await db<MediaFileRow[]>`
    select ${db(mediaFileColumns)} from pigeonpost.media_files
    where tenant_id = ${tenantId} and sha256 = decode(${sha256}, 'hex')`
  return row ?? null
}

/** Like `findFileByHash`, but locked, so that it is not deleted before the transaction ends. */
export async function holdFileByHash(
  tx: Transaction,
  tenantId: number,
  sha256: string,
): Promise<MediaFileRow | null> {
  const [row] = await tx<MediaFileRow[]>`
    select ${tx(mediaFileColumns)} from pigeonpost.media_files
    where tenant_id = ${tenantId} and sha256 = decode(${sha256}, 'hex') for share`
  return row ?? null
}

export async function findFile(db: Db, tenantId: number, id: string): Promise<MediaFileRow | null> {
  const [row] = await db<MediaFileRow[]>`
    select ${db(mediaFileColumns)} from pigeonpost.media_files where tenant_id = ${tenantId} and id = ${id}`
  return row ?? null
}

/**
 * Inserts the row of a file that was just stored. Where another process was faster with the same content, its row wins, and
 * a task is made to delete the copy that we have stored.
 * @returns the id of the row that remains
 */
export async function keepFile(tx: Transaction, file: NewFile): Promise<string> {
  for (;;) {
    const [row] = await tx<{ id: string }[]>`
      insert into pigeonpost.media_files (tenant_id, id, sha256, size, content_type, status, storage, storage_key,
        preview_key, metadata, signature, error_message, scanned_at)
      values (${file.tenantId}, ${file.id}, decode(${file.sha256}, 'hex'), ${file.size}, ${file.contentType}, ${file.status},
        ${file.storage}, ${file.storageKey}, ${file.previewKey}, ${tx.json(file.metadata as never)}, ${file.signature},
        ${file.errorMessage}, ${file.status === 'pending' || file.status === 'unscanned' ? null : new Date()})
      on conflict on constraint media_files_stored_once do nothing returning id`
    if (row) return row.id
    const other = await holdFileByHash(tx, file.tenantId, file.sha256)
    if (!other) continue
    await deleteStored(tx, file)
    return other.id
  }
}

/** Makes the tasks to delete a file that was stored and has no row. */
export async function deleteStored(tx: Transaction, file: NewFile): Promise<void> {
  const keys = [file.storageKey, file.previewKey].filter((key) => key !== null)
  for (const key of keys) await deleteLater(tx, file.tenantId, file.storage ?? '', key)
}

/** Makes the task to delete an object from a storage by its key, which no row has. */
export async function deleteLater(
  db: Db,
  tenantId: number,
  storage: string,
  key: string,
): Promise<void> {
  await db`
    insert into pigeonpost_private.media_tasks (tenant_id, kind, subject) values (${tenantId}, 'delete', ${subjectOf(storage, key)})
    on conflict on constraint media_tasks_pkey do nothing`
}

/** The result of the scan, and of analyzing the file after it. */
export type Judgement = {
  status: 'clean' | 'unscanned' | 'infected' | 'failed'
  signature?: string
  errorMessage?: string
  previewKey?: string | null
  metadata?: Record<string, unknown>
}

/**
 * Stores the verdict on a scanned file; triggers update its rows of media. False where it changed since it was read: it was
 * deleted, judged already, or moved to another storage, where its preview is not.
 */
export async function judgeFile(
  db: Db,
  file: MediaFileRow,
  { status, signature, errorMessage, previewKey, metadata }: Judgement,
): Promise<boolean> {
  const gone = status === 'infected'
  const rows = await db`
    update pigeonpost.media_files set status = ${status}, signature = ${signature ?? null},
      error_message = ${errorMessage ?? null}, scanned_at = now(),
      storage = case when ${gone} then null else storage end,
      storage_key = case when ${gone} then null else storage_key end,
      preview_key = case when ${gone} then null else coalesce(${previewKey ?? null}, preview_key) end,
      metadata = metadata || ${db.json((metadata ?? {}) as never)}
    where tenant_id = ${file.tenant_id} and id = ${file.id} and status = ${file.status}
      and storage = ${file.storage} and storage_key = ${file.storage_key} returning id`
  return rows.length > 0
}

/** Stores the scan of content that was stored without a scanner; triggers update its rows of media. */
export async function judgeUnscanned(tx: Transaction, seen: NewFile): Promise<void> {
  const gone = seen.status === 'infected'
  await tx`
    update pigeonpost.media_files set status = ${seen.status}, signature = ${seen.signature},
      error_message = ${seen.errorMessage}, scanned_at = now(),
      storage = case when ${gone} then null else storage end,
      storage_key = case when ${gone} then null else storage_key end,
      preview_key = case when ${gone} then null else preview_key end
    where tenant_id = ${seen.tenantId} and sha256 = decode(${seen.sha256}, 'hex') and status = 'unscanned'`
}

/** Marks the file as being scanned, so that it is not moved meanwhile. Null where it is no longer needed. */
export async function beginScan(
  db: Db,
  tenantId: number,
  id: string,
): Promise<MediaFileRow | null> {
  const [row] = await db<MediaFileRow[]>`
    update pigeonpost.media_files set status = 'scanning'
    where tenant_id = ${tenantId} and id = ${id} and status in ('pending', 'scanning', 'failed') and storage_key is not null
    returning ${db(mediaFileColumns)}`
  return row ?? null
}

/** Sets it back to pending. */
export async function endScan(db: Db, tenantId: number, id: string): Promise<void> {
  await db`
    update pigeonpost.media_files set status = 'pending'
    where tenant_id = ${tenantId} and id = ${id} and status = 'scanning'`
}
