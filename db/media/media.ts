import type { Db, Transaction } from '../connect.ts'
import { mediaColumns, type MediaRow } from '../rows.ts'

export async function findMedia(db: Db, tenantId: number, id: string): Promise<MediaRow | null> {
  const [row] = await db<MediaRow[]>`
    select ${db(mediaColumns)} from pigeonpost.media where tenant_id = ${tenantId} and id = ${id}`
  return row ?? null
}

/** Inserts an upload; a trigger copies its file's properties into the row. */
export async function createMedia(
  tx: Transaction,
  given: { tenantId: number; fileId: string; filename: string; createdBy: string | null },
): Promise<MediaRow> {
  const [row] = await tx<MediaRow[]>`
    insert into pigeonpost.media (tenant_id, file_id, owner_service, filename, created_by)
    values (${given.tenantId}, ${given.fileId}, 'api', ${given.filename}, ${given.createdBy})
    returning ${tx(mediaColumns)}`
  if (!row) throw new Error('the media was not stored')
  return row
}

/** Attaches the stored file to the row of a message's file. False where the row is gone, or has its file already. */
export async function attachFile(
  db: Db,
  tenantId: number,
  id: string,
  given: { fileId: string; filename: string },
): Promise<boolean> {
  const rows = await db`
    update pigeonpost.media set file_id = ${given.fileId}, filename = ${given.filename}, error_code = null, error_message = null
    where tenant_id = ${tenantId} and id = ${id} and file_id is null returning id`
  return rows.length > 0
}

/** Marks the file that a message named as not available. */
export async function failMedia(
  db: Db,
  tenantId: number,
  id: string,
  error: { code: string; message: string },
): Promise<void> {
  await db`
    update pigeonpost.media set status = 'failed', error_code = ${error.code}, error_message = ${error.message}
    where tenant_id = ${tenantId} and id = ${id} and file_id is null`
}

/**
 * Deletes the row; its file goes with the last one.
 * @returns `in_use` where a message that is still to be sent takes it along, and nothing is deleted then
 */
export async function deleteMedia(
  tx: Transaction,
  tenantId: number,
  id: string,
): Promise<'deleted' | 'in_use' | 'unknown'> {
  const found = await tx<{ in_use: boolean }[]>`
    select exists (
      select from pigeonpost.messages o
      where o.tenant_id = m.tenant_id and (o.media_id = m.id or o.id = m.message_id)
        and o.direction = 'outbound' and o.status = 'queued') as in_use
    from pigeonpost.media m where m.tenant_id = ${tenantId} and m.id = ${id} for update`
  if (!found[0]) return 'unknown'
  if (found[0].in_use) return 'in_use'
  await tx`delete from pigeonpost.media where tenant_id = ${tenantId} and id = ${id}`
  return 'deleted'
}
