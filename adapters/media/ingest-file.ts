import type { Transaction } from '../../db/connect.ts'
import {
  deleteStored,
  findFileByHash,
  holdFileByHash,
  judgeUnscanned,
  keepFile,
  type NewFile,
} from '../../db/media/files.ts'
import type { MediaStatus } from '../../db/rows.ts'
import type { Scanner } from '../scan/index.ts'
import { fileKey, previewKey, type Storage } from '../storage/index.ts'
import { checkAllowed, type Declared, typeOfInbound } from './allowed-types.ts'
import { safeFilename } from './filename.ts'
import { discard, analyzeFile } from './analyze.ts'
import { sniff } from './inspect/sniff.ts'
import type { Spooled } from './spool.ts'

/** What `ingestFile` needs besides the file. */
export type MediaTools = {
  storage: Storage
  /** Null: none is configured, and files stay `unscanned`. */
  scanner: Scanner | null
  /** The spool's folder. */
  folder: string
}

export type IngestedFile = {
  id: string
  status: MediaStatus
  signature: string | null
  /** Harmless, with the extension of the real type. */
  filename: string
}

/** Thrown by `attach`: nobody wants the file any more. */
export class DiscardedError extends Error {
  override readonly name = 'DiscardedError'
}

export type IngestOptions<T> = {
  tenantId: number
  declared: Declared
  /** An upload: only the listed types, and only images that can be decoded. What came in is kept, whatever it is. */
  strict: boolean
  signal?: AbortSignal | undefined
  /** Runs a transaction of the tenant. */
  run: <R>(work: (tx: Transaction) => Promise<R>) => Promise<R>
  /** Makes the row that has the file, in the transaction that keeps the file. */
  attach: (tx: Transaction, file: IngestedFile) => Promise<T>
}

/**
 * Turns a spooled file into a stored one: detects its type, scans and analyzes it, draws its preview, stores it, and then
 * inserts the rows. A file that the tenant has already is neither stored nor scanned again. An infected file is never
 * stored; only its row is, so that the refusal is known.
 *
 * The file is stored before its row is written: a process that dies in between leaves a file without a row, which the
 * orphan sweep finds, and never a row without its file. The spooled file is gone afterwards in any case.
 * @throws UnsupportedTypeError and UnreadableError when strict; DiscardedError, and what was stored is left to be deleted;
 * StorageUnavailableError; what `run` and `attach` throw
 */
export async function ingestFile<T>(
  tools: MediaTools,
  spooled: Spooled,
  about: IngestOptions<T>,
): Promise<T> {
  const { tenantId, declared, strict, signal, run, attach } = about
  const { scanner } = tools
  const { sha256, size } = spooled
  let preview = null
  try {
    const sniffed = await sniff(spooled.path)
    const type = strict ? checkAllowed(declared, sniffed) : typeOfInbound(declared, sniffed)
    const filename = safeFilename(declared.filename, type.extension)
    const { known, id } = await run(async (tx) => {
      const [found, [made]] = await Promise.all([
        findFileByHash(tx, tenantId, sha256),
        tx<{ id: string }[]>`select pigeonpost.uuid_v7() as id`,
      ])
      // A scanner that came later has not seen it yet.
      const isToSee = scanner !== null && found?.status === 'unscanned'
      return { known: found !== null && !isToSee, id: made?.id ?? '' }
    })
    if (known) {
      const taken = await run(async (tx) => {
        const file = await holdFileByHash(tx, tenantId, sha256)
        return file && { value: await attach(tx, { ...file, filename }) }
      })
      if (taken) return taken.value
    }
    const look = await analyzeFile(spooled.path, type, { ...tools, strict, signal })
    preview = look.preview
    const infected = look.status === 'infected'
    const key = fileKey(tenantId, id, new Date())
    const file: NewFile = {
      tenantId,
      id,
      sha256,
      size,
      contentType: type.contentType,
      status: look.status,
      storage: infected ? null : tools.storage.name,
      storageKey: infected ? null : key,
      previewKey: preview ? previewKey(key) : null,
      metadata: { ...look.metadata },
      signature: look.signature,
      errorMessage: look.errorMessage,
    }
    if (!infected) {
      const { contentType } = type
      await tools.storage.put(key, spooled.path, { contentType, size, sha256 }, signal)
      if (preview && file.previewKey)
        await tools.storage.put(file.previewKey, preview.path, preview, signal)
    }
    return await run(async (tx) => {
      if (scanner && look.status !== 'pending') await judgeUnscanned(tx, file)
      const kept = await keepFile(tx, file)
      const stands = kept === id ? file : await holdFileByHash(tx, tenantId, sha256)
      return attach(tx, {
        id: kept,
        status: stands?.status ?? file.status,
        signature: stands?.signature ?? null,
        filename,
      })
    }).catch(async (error: unknown) => {
      if (error instanceof DiscardedError) await run(async (tx) => deleteStored(tx, file))
      throw error
    })
  } finally {
    await discard(spooled, preview)
  }
}
