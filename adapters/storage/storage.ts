import type { Readable } from 'node:stream'
import type { Download } from './download.ts'
import type { ByteRange } from './range.ts'

export type StoredFile = {
  key: string
  /** bytes */
  size: number
  /** When it was last put, as the store tells it; stores that count in seconds cut the rest off. */
  modifiedAt: Date
}

/** What is known of a local file before it is stored. */
export type FileFacts = {
  contentType: string
  /** bytes, at least 1: Cloudinary takes no empty file, and what one storage keeps must fit into the others. */
  size: number
  /** hex */
  sha256: string
}

/**
 * The contract of a storage, tested for each of the three by one conformance suite.
 *
 * Keys are made by `fileKey` and `previewKey`; any other is refused with InvalidKeyError before anything is done. Failures
 * of the storage itself are a StorageUnavailableError.
 */
export type Storage = {
  name: 'folder' | 's3' | 'cloudinary'
  /**
   * Stores a local file under the key, whole or not at all; the same key again replaces it. Reads it once, in pieces.
   * An abort leaves what was there before; one that comes after the last byte may come too late.
   * @throws FileChangedError where the file is not of that size and hash; the signal's reason
   */
  put(key: string, path: string, about: FileFacts, signal?: AbortSignal): Promise<void>
  /** The bytes, streamed. @throws NoSuchFileError */
  get(key: string, signal?: AbortSignal): Promise<Readable>
  /** Null where there is none. */
  stat(key: string): Promise<StoredFile | null>
  /** Deletes the file; not an error where there is none. */
  delete(key: string): Promise<void>
  /**
   * All files under `messages/`, `messages/<tenant>/`, `…/<yyyy>/` or `…/<mm>/`, a page at a time. Who deletes or puts
   * meanwhile may or may not see it in the list. Things that have no key of ours are passed over.
   */
  list(prefix: string): AsyncIterable<StoredFile>
  /**
   * A URL by which anyone may fetch the file, with a type and a name, whole or in ranges, until it expires. It is made
   * without a look at whether there is such a file.
   */
  presign(key: string, about: Download): Promise<string>
  /** How our own HTTP server answers those URLs, by `answerSignedPath`; null where the store does. */
  served: Served | null
  /**
   * Removes what is left of unfinished puts whose process died, if it is older than that.
   * Answers with how many there were.
   * @param options.dryRun counts them, and removes none
   */
  clearIncoming(olderThanMs: number, options?: { dryRun?: boolean }): Promise<number>
  /** Checks that it can be used now. @throws StorageUnavailableError with what is wrong, and which variable to change */
  check(): Promise<void>
  close(): void
}

export type Served = {
  /** What `verifySignedPath` needs; the same in all processes that share the storage. */
  signingKey: Buffer
  /** @throws NoSuchFileError, UnsatisfiableRangeError */
  open(key: string, range: ByteRange | null, signal?: AbortSignal): Promise<OpenFile>
}

export type OpenFile = {
  /** bytes of the whole file */
  size: number
  /** The first and the last byte of the body, counted from 0. */
  start: number
  end: number
  body: Readable
}
