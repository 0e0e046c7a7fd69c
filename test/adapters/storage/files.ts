import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileKey } from '../../../adapters/storage/key.ts'
import type { FileFacts, Storage, StoredFile } from '../../../adapters/storage/storage.ts'

export type LocalFile = { path: string; bytes: Buffer; about: FileFacts }

/** A file of random bytes, or of those given. */
export async function localFile(folder: string, content: number | Buffer): Promise<LocalFile> {
  const bytes = typeof content === 'number' ? randomBytes(content) : content
  const path = join(folder, randomUUID())
  await writeFile(path, bytes)
  return { path, bytes, about: factsOf(bytes) }
}

export function factsOf(bytes: Buffer): FileFacts {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { contentType: 'application/pdf', size: bytes.length, sha256 }
}

/** Of a new file of the tenant, in November 2026 where no other time is given. */
export function newKey(tenantId = 1, at = '2026-11-20T12:00:00Z'): string {
  return fileKey(tenantId, randomUUID(), new Date(at))
}

export async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export async function listAll(storage: Storage, prefix = 'messages/'): Promise<StoredFile[]> {
  const files: StoredFile[] = []
  for await (const file of storage.list(prefix)) files.push(file)
  return files
}
