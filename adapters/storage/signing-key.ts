import { randomBytes, randomUUID } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StorageUnavailableError } from './errors.ts'

/**
 * The 32 bytes in `<root>/.signing-key` (mode 0600), which the first process to ask makes. It is written beside and
 * then linked into place, so that of several that start at once all read the same, and none reads half of it.
 * Remove the file to make every URL invalid that was signed with it; processes that run keep it until they end.
 */
export async function readSigningKey(root: string, incoming: string): Promise<Buffer> {
  const path = join(root, '.signing-key')
  const found = await readIfThere(path)
  if (found) return found
  const half = join(incoming, randomUUID())
  try {
    const file = await open(half, 'wx', 0o600)
    try {
      await file.writeFile(randomBytes(32))
      await file.sync()
    } finally {
      await file.close()
    }
    await link(half, path).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
  } finally {
    await rm(half, { force: true }).catch(() => {})
  }
  const made = await readIfThere(path)
  if (made) return made
  throw new StorageUnavailableError(`${path} was removed while it was made; start again`)
}

async function readIfThere(path: string): Promise<Buffer | null> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  })
  if (bytes !== null && bytes.length !== 32) {
    throw new StorageUnavailableError(`${path} has ${bytes.length} bytes and not 32; remove it`)
  }
  return bytes
}
