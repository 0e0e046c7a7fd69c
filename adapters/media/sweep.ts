import type { Sql } from '../../db/connect.ts'
import { findFile } from '../../db/media/files.ts'
import { finishMediaTask } from '../../db/media/tasks.ts'
import { findUnreferenced, selectStored, takeDeletion } from '../../db/media/orphans.ts'
import type { MediaFileRow } from '../../db/rows.ts'
import { readKey, type Storage, type StoredFile } from '../storage/index.ts'
import type { Storages } from './storages.ts'

const batchSize = 500
const maxConcurrentStats = 8
/** For deleting one file. */
const leaseMs = 300_000

type Watch = {
  /** Is told how many more were looked at. */
  seen?: (files: number) => void
  /** Ends the search in the middle, without an error. */
  signal?: AbortSignal
}

/** A file that no row has. `foreign`: of a tenant that this database does not know; it may be another database's. */
export type Orphan = StoredFile & { foreign: boolean }

/**
 * The files of a storage that no row names and that were put before a given time, a batch at a time. A file that is being
 * put has no row yet, which is why newer ones are spared. Excludes files that a worker will delete or that are being moved.
 */
export async function* findOrphans(
  sql: Sql,
  storage: Storage,
  { before, seen, signal }: Watch & { before: Date },
): AsyncGenerator<Orphan> {
  let batch: StoredFile[] = []
  async function* judge(): AsyncGenerator<Orphan> {
    const files = batch.map(({ key }) => ({ ...readKey(key), storage: storage.name, key }))
    const unnamed = new Map(
      (await findUnreferenced(sql, files)).map(({ key, foreign }) => [key, foreign]),
    )
    seen?.(batch.length)
    for (const file of batch) {
      const foreign = unnamed.get(file.key)
      if (foreign !== undefined && file.modifiedAt < before) yield { ...file, foreign }
    }
    batch = []
  }
  for await (const file of storage.list('messages/')) {
    batch.push(file)
    if (batch.length === batchSize) yield* judge()
    if (signal?.aborted) return
  }
  if (batch.length > 0) yield* judge()
}

/** Deletes a file that no row has; false where one has it after all, or another process handles it. @throws StorageUnavailableError */
export async function deleteOrphan(sql: Sql, storage: Storage, key: string): Promise<boolean> {
  const task = await takeDeletion(sql, { ...readKey(key), storage: storage.name, key }, leaseMs)
  if (!task) return false
  await storage.delete(key)
  await finishMediaTask(sql, task)
  return true
}

/** A file that a row says is stored, but that is missing. */
export type Missing = {
  file: MediaFileRow
  what: 'file' | 'preview'
  key: string
}

/**
 * The rows whose file, or preview, is not in its storage, by one request for each.
 * @param about.of which storages to ask
 */
export async function* findMissing(
  sql: Sql,
  storages: Pick<Storages, 'get'>,
  { of, seen, signal }: Watch & { of: ReadonlySet<string> },
): AsyncGenerator<Missing> {
  let after: MediaFileRow | null = null
  for (;;) {
    const page: MediaFileRow[] = await selectStored(sql, { after, limit: batchSize })
    const rows = page.filter(({ storage }) => storage !== null && of.has(storage))
    for (let at = 0; at < rows.length; at += maxConcurrentStats) {
      const found = await Promise.all(
        rows.slice(at, at + maxConcurrentStats).map((file) => look(sql, storages, file)),
      )
      yield* found.flat()
      seen?.(found.length)
      if (signal?.aborted) return
    }
    after = page.at(-1) ?? null
    if (page.length < batchSize) return
  }
}

async function look(
  sql: Sql,
  storages: Pick<Storages, 'get'>,
  file: MediaFileRow,
): Promise<Missing[]> {
  const storage = await storages.get(file.storage ?? '')
  const missing: Missing[] = []
  for (const what of ['file', 'preview'] as const) {
    const key = what === 'file' ? file.storage_key : file.preview_key
    if (key !== null && !(await storage.stat(key))) missing.push({ file, what, key })
  }
  if (missing.length === 0) return []
  // It may have moved, or gone, since its row was read.
  const now = await findFile(sql, file.tenant_id, file.id)
  return now?.storage === file.storage && now.storage_key === file.storage_key ? missing : []
}
