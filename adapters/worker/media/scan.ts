import { begin } from '../../../db/begin.ts'
import { beginScan, deleteLater, endScan, findFile, judgeFile } from '../../../db/media/files.ts'
import { finishMediaTask, type MediaTask } from '../../../db/media/tasks.ts'
import { analyzeFile, discard, sniff, spool, typeOfInbound } from '../../media/index.ts'
import { ScannerUnavailableError } from '../../scan/index.ts'
import { previewKey } from '../../storage/index.ts'
import type { MediaContext } from './context.ts'

/**
 * Scans and analyzes a file that was stored while the scanner was down. Until then it is not served. One that was stored
 * while none was configured (`unscanned`, see `rescan`) is served until the verdict, as before.
 * @throws ScannerUnavailableError while the scanner cannot be reached, or none is configured here; StorageUnavailableError
 */
export async function scanStored(context: MediaContext, task: MediaTask): Promise<void> {
  const { sql, storages, scanner, spoolFolder: folder, signal } = context
  const { tenantId, subject: id } = task
  const found = await findFile(sql, tenantId, id)
  if (!found?.storage_key || found.status === 'clean') {
    await finishMediaTask(sql, task)
    return
  }
  if (!scanner) {
    throw new ScannerUnavailableError(
      'It waits for the scanner, and this worker has none: set CLAMD_HOST or CLAMD_SOCKET.',
    )
  }
  // Checked before the file is read: it may be large, and the scanner down for hours.
  await scanner.check(signal)
  const file = found.status === 'unscanned' ? found : await beginScan(sql, tenantId, id)
  if (!file?.storage || !file.storage_key) throw new Changed()
  const storage = await storages.get(file.storage)
  let spooled = null
  let preview = null
  try {
    spooled = await spool(await storage.get(file.storage_key, signal), {
      folder,
      limit: file.size,
      signal,
    })
    const sniffed = await sniff(spooled.path)
    const type = typeOfInbound({ contentType: file.content_type }, sniffed)
    const look = await analyzeFile(spooled.path, type, { scanner, folder, strict: false, signal })
    if (look.status === 'pending') throw new ScannerUnavailableError(look.errorMessage ?? '')
    preview = look.preview
    const key = preview ? previewKey(file.storage_key) : null
    if (preview && key) await storage.put(key, preview.path, preview, signal)
    const { status, signature, errorMessage, metadata } = look
    await begin(sql, async (tx) => {
      const judged = {
        status,
        ...(signature === null ? {} : { signature }),
        ...(errorMessage === null ? {} : { errorMessage }),
        previewKey: key,
        metadata: { ...metadata },
      }
      const stands = await judgeFile(tx, file, judged)
      if (!stands && (await findFile(tx, tenantId, id))) throw new Changed()
      // The file was deleted meanwhile: nothing else would ever delete its preview.
      if (!stands && key) await deleteLater(tx, tenantId, storage.name, key)
      await finishMediaTask(tx, task)
    })
  } catch (error) {
    await endScan(sql, tenantId, id)
    throw error
  } finally {
    await discard(spooled, preview)
  }
}

/** Moved, judged or deleted meanwhile: the next attempt finds out which. */
class Changed extends Error {
  constructor() {
    super('the file changed while it was scanned')
  }
}
