import { rm } from 'node:fs/promises'
import type { MediaStatus } from '../../db/rows.ts'
import { type Scanner, ScannerUnavailableError, ScanRefusedError } from '../scan/index.ts'
import { UnreadableError } from './errors.ts'
import { inspect } from './inspect/inspect.ts'
import type { Metadata } from './inspect/metadata.ts'
import { makePreview, type Preview } from './inspect/preview.ts'
import type { MediaType } from './types.ts'

/** The result of scanning and analyzing a file. */
export type Analysis = {
  /** `pending`: the scanner could not be reached, and the file was not analyzed. */
  status: Exclude<MediaStatus, 'scanning'>
  /** The scanner's name of the virus. */
  signature: string | null
  /** Why it has no verdict. */
  errorMessage: string | null
  metadata: Metadata & { unreadable?: string }
  /** In the spool; whoever asked removes it. */
  preview: Preview | null
}

/**
 * Scans a spooled file and, when nothing was found, analyzes it and draws its preview: no decoder opens a file before it
 * was scanned.
 * @param strict an image that cannot be decoded is an error; else it is kept without preview
 * @throws UnreadableError when strict; the reason of `signal`; what the disk says
 */
export async function analyzeFile(
  path: string,
  type: MediaType,
  about: {
    scanner: Scanner | null
    folder: string
    strict: boolean
    signal?: AbortSignal | undefined
  },
): Promise<Analysis> {
  const { scanner, folder, strict, signal } = about
  const nothing = { signature: null, errorMessage: null, metadata: {}, preview: null }
  try {
    const verdict = await scanner?.scan(path, signal)
    if (verdict?.verdict === 'infected') {
      return { ...nothing, status: 'infected', signature: verdict.signature }
    }
  } catch (error) {
    if (error instanceof ScannerUnavailableError) {
      return { ...nothing, status: 'pending', errorMessage: error.message }
    }
    if (error instanceof ScanRefusedError) {
      return { ...nothing, status: 'failed', errorMessage: error.message }
    }
    throw error
  }
  const status = scanner ? 'clean' : 'unscanned'
  try {
    const metadata = await inspect(path, type, signal)
    const preview = await makePreview(path, type, { folder, signal })
    return { ...nothing, status, metadata, preview }
  } catch (error) {
    if (strict || !(error instanceof UnreadableError)) throw error
    return { ...nothing, status, metadata: { unreadable: error.details.code } }
  }
}

/** Removes what is in the spool, whether it still is or not. */
export async function discard(...files: ({ path: string } | null)[]): Promise<void> {
  await Promise.all(files.map(async (file) => file && rm(file.path, { force: true })))
}
