import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { FileChangedError } from './errors.ts'
import { type FileFacts } from './storage.ts'

/**
 * Uploads of one process over the network at once. Each may hold two parts of 5 MiB and copies of them, and what was
 * sent is freed late: sixty of 5 MB at once took 325 MB, four at a time 50.
 */
export const maxConcurrentUploads = 4

/**
 * A local file as a stream in chunks of 64 KiB. It ends without an error only if the file has the announced size and hash,
 * so that whoever stores the stream to its end has stored the right file.
 * @throws FileChangedError, for one that cannot be read, too; RangeError for an empty file; the signal's reason
 */
export async function* readChecked(
  path: string,
  about: FileFacts,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  checkFacts(about)
  signal?.throwIfAborted()
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of pieces(path, signal)) {
    signal?.throwIfAborted()
    size += chunk.length
    if (size > about.size) break
    hash.update(chunk)
    yield chunk
  }
  signal?.throwIfAborted()
  if (size !== about.size) {
    throw new FileChangedError(
      `the file has ${size > about.size ? 'more' : 'fewer'} than the ${about.size} bytes that were announced`,
    )
  }
  if (hash.digest('hex') !== about.sha256.toLowerCase()) {
    throw new FileChangedError('the file does not have the SHA-256 that was announced')
  }
}

async function* pieces(path: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { signal }) as AsyncIterable<Buffer>
  } catch (error) {
    signal?.throwIfAborted()
    throw new FileChangedError(`the file cannot be read (${String(error)})`, { cause: error })
  }
}

/** @throws RangeError */
export function checkFacts(about: FileFacts): void {
  if (!Number.isSafeInteger(about.size) || about.size < 1) {
    throw new RangeError(
      `size: a file of ${about.size} bytes cannot be stored; it has one at least`,
    )
  }
}
