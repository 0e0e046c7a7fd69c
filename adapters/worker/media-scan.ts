import { begin } from '../../db/begin.ts'
import { deleteLater, findFile, judgeFile, markScanning } from '../../db/media/files.ts'
import { finishMediaTask, type MediaTask } from '../../db/media/tasks.ts'
import { discard, lookAt } from '../media/look.ts'
import { sniff } from '../media/sniff.ts'
import { spool } from '../media/spool.ts'
import { typeOfInbound } from '../media/allow.ts'
import { ScannerUnavailable } from '../scan/index.ts'
import { previewKey } from '../storage/index.ts'
import type { MediaContext } from './media.ts'

/**
 * Scans a file that was stored while the scanner was down, and looks inside it. Until then nobody gets it.
 * @throws ScannerUnavailable while there is none to be reached, or none is configured here; StorageUnavailable
 */
export async function scanStored(context: MediaContext, task: MediaTask): Promise<void> {
  const { sql, storages, scanner, spoolFolder: folder, signal } = context
  const { tenantId } = task
  const file = await findFile(sql, tenantId, task.subject)
  if (!file?.storage || !file.storage_key || !['pending', 'scanning'].includes(file.status)) {
    await finishMediaTask(sql, task)
    return
  }
  if (!scanner) {
    throw new ScannerUnavailable(
      'It waits for the scanner, and this worker has none: set CLAMD_HOST or CLAMD_SOCKET.',
    )
  }
  // Asked before the file is read: it may be large, and the scanner away for hours.
  await scanner.check(signal)
  const storage = await storages.get(file.storage)
  await markScanning(sql, tenantId, file.id, true)
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
    const look = await lookAt(spooled.path, type, { scanner, folder, strict: false, signal })
    if (look.status === 'pending') throw new ScannerUnavailable(look.errorMessage ?? '')
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
      const stands = await judgeFile(tx, tenantId, file.id, judged)
      // Where another worker has judged it, the preview under that key is its.
      const gone = !stands && !(await findFile(tx, tenantId, file.id))
      if (gone && key) await deleteLater(tx, tenantId, storage.name, key)
      await finishMediaTask(tx, task)
    })
  } catch (error) {
    await markScanning(sql, tenantId, file.id, false)
    throw error
  } finally {
    await discard(spooled, preview)
  }
}
