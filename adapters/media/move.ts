import type { Sql } from '../../db/connect.ts'
import { TooLargeError } from '../../db/errors.ts'
import { findFile } from '../../db/media/files.ts'
import { announcePut, relocateFile } from '../../db/media/move.ts'
import type { MediaFileRow } from '../../db/rows.ts'
import { NoSuchFileError, type Storage, StorageUnavailableError } from '../storage/index.ts'
import { discard } from './analyze.ts'
import { spool, type Spooled } from './spool.ts'
import type { Storages } from './storages.ts'

/**
 * The result of moving a file. `missing`: its storage has none; `damaged`: it has another, by size or hash; `refused`: a storage
 * failed with this one; `busy`: it is being scanned, or just deleted where it shall go; `gone`: its row is no more, or
 * another moved it.
 */
export type Moved = {
  outcome: 'moved' | 'missing' | 'damaged' | 'refused' | 'busy' | 'gone'
  /** Why it was not moved; of a moved one, what it lost. */
  reason: string | null
}

export type MoveTools = {
  sql: Sql
  storages: Pick<Storages, 'get'>
  /** The spool's folder. */
  folder: string
  /** ms for which it stays where it lay, too: links to there may have been given out. */
  graceMs: number
}

/** Most bytes of a preview: far more than any has. */
const maxPreviewBytes = 16_777_216

/**
 * Moves a stored file, and its preview, to another storage: reads it completely, compares it with the row's hash, puts it
 * there, and then updates the row. Until then readers use the old copy, which is kept for the grace period afterwards. If we
 * die in between, a worker deletes the new copy. A missing preview is dropped.
 * @throws StorageMisconfiguredError; what the disk and the database say
 */
export async function moveFile(tools: MoveTools, file: MediaFileRow, to: Storage): Promise<Moved> {
  const { sql, storages, folder, graceMs } = tools
  const { tenant_id: tenantId, id, storage_key: key, preview_key: previewKey } = file
  if (!file.storage || !key) return { outcome: 'gone', reason: null }
  const from = await storages.get(file.storage)
  const found: (Spooled | null)[] = []
  try {
    const main = await read(from, key, { folder, limit: file.size })
    found.push(main)
    const isOurs = main?.sha256 === Buffer.from(file.sha256).toString('hex')
    if (!main || !isOurs) return await lost(main ? 'damaged' : 'missing')
    const preview = previewKey && (await read(from, previewKey, { folder, limit: maxPreviewBytes }))
    found.push(preview || null)
    const keys = [key, ...(preview && previewKey ? [previewKey] : [])]
    if (!(await announcePut(sql, tenantId, to.name, keys))) return busy('it is being deleted there')
    await to.put(key, main.path, { ...main, contentType: file.content_type })
    if (preview && previewKey) {
      await to.put(previewKey, preview.path, { ...preview, contentType: 'image/webp' })
    }
    const place = { storage: to.name, previewKey: preview ? previewKey : null, graceMs }
    if (!(await relocateFile(sql, file, place))) {
      return (await stands()) ? busy('it is being scanned') : { outcome: 'gone', reason: null }
    }
    const without = previewKey !== null && !preview
    return { outcome: 'moved', reason: without ? 'without its preview, which was missing' : null }
  } catch (error) {
    if (error instanceof TooLargeError) return await lost('damaged')
    if (!(error instanceof StorageUnavailableError)) throw error
    return { outcome: 'refused', reason: error.message }
  } finally {
    await discard(...found)
  }

  async function stands(): Promise<boolean> {
    const now = await findFile(sql, tenantId, id)
    return now?.storage === file.storage && now?.storage_key === key
  }

  /** Unless it went, or moved, while we looked. */
  async function lost(outcome: 'missing' | 'damaged'): Promise<Moved> {
    if (!(await stands())) return { outcome: 'gone', reason: null }
    const reason = outcome === 'missing' ? 'it is not there' : 'it is not the file that was stored'
    return { outcome, reason }
  }
}

function busy(reason: string): Moved {
  return { outcome: 'busy', reason }
}

/** Null where there is none. @throws TooLargeError, StorageUnavailableError; what the disk says */
async function read(
  from: Storage,
  key: string,
  about: { folder: string; limit: number },
): Promise<Spooled | null> {
  try {
    return await spool(await from.get(key), about)
  } catch (error) {
    if (error instanceof NoSuchFileError) return null
    const ours = error instanceof TooLargeError || error instanceof StorageUnavailableError
    if (ours || (error instanceof Error && 'syscall' in error && 'path' in error)) throw error
    // A connection that breaks off under the reader is of that storage.
    throw new StorageUnavailableError(`${from.name} broke off: ${String(error)}`, { cause: error })
  }
}
