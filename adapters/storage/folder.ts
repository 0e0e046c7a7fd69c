import {
  constants,
  type FileHandle,
  lstat,
  mkdir,
  open,
  opendir,
  realpath,
  rename,
  rm,
} from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { checkKey, checkPrefix, isKey } from './key.ts'
import { placeRange } from './range.ts'
import { readSigningKey } from './signing-key.ts'
import { signUrl } from './signed-path.ts'
import { readChecked } from './source.ts'
import { NoSuchFileError, StorageUnavailableError } from './errors.ts'
import { type Storage, type StoredFile } from './storage.ts'

/**
 * Files in a folder, with their keys as paths. Folders have mode 0700, files 0600. A file is written under a temporary name
 * and then renamed, both flushed to disk, so that a crash leaves the complete old or new one. No symbolic link below `root`
 * is followed. Any number of processes may share it, on one machine or by a file system that they all mount.
 *
 * @param options.root is made if need be; it may itself be behind a symbolic link
 * @param options.baseUrl where our HTTP server is reached from outside, without a slash at its end
 * @throws StorageUnavailableError where the folder cannot be made or written
 */
export async function openFolder(options: { root: string; baseUrl: string }): Promise<Storage> {
  const { root, incoming, signingKey } = await prepare(options.root)
  const pathOf = (key: string) => join(root, checkKey(key))

  const openFile = async (key: string): Promise<FileHandle> => {
    const path = pathOf(key)
    try {
      await refuseLinks(dirname(path))
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
      if ((await file.stat()).isFile()) return file
      await file.close()
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error))) throw explain(error)
    }
    throw new NoSuchFileError(key)
  }

  return {
    name: 'folder',
    async put(key, path, about, signal) {
      const place = pathOf(key)
      const half = join(incoming, randomUUID())
      try {
        // Opened here, because a stream that opens the file itself may do so after it was destroyed.
        const file = await open(half, 'wx', 0o600)
        await pipeline(readChecked(path, about, signal), file.createWriteStream({ flush: true }))
        await makeFolders(root, dirname(key))
        signal?.throwIfAborted()
        await rename(half, place)
        await flushFolder(dirname(place))
      } catch (error) {
        await discard(half)
        throw explain(error)
      }
    },
    async get(key, signal) {
      const file = await openFile(key)
      return file.createReadStream({ signal })
    },
    async stat(key) {
      return statFile(root, checkKey(key))
    },
    async delete(key) {
      const path = pathOf(key)
      try {
        await refuseLinks(dirname(path))
        await rm(path, { force: true })
        await flushFolder(dirname(path))
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw explain(error)
      }
    },
    list: (prefix) => listFolder(root, checkPrefix(prefix).slice(0, -1)),
    presign: async (key, about) => signUrl(signingKey, options.baseUrl, key, about),
    served: {
      signingKey,
      async open(key, range, signal) {
        const file = await openFile(key)
        try {
          const { size } = await file.stat()
          const { start, end } = placeRange(range, size)
          return { size, start, end, body: file.createReadStream({ start, end, signal }) }
        } catch (error) {
          await file.close()
          throw error
        }
      },
    },
    async clearIncoming(olderThanMs, { dryRun = false } = {}) {
      let count = 0
      for await (const { name } of await opendir(incoming)) {
        const path = join(incoming, name)
        const { mtimeMs } = (await lstat(path).catch(nullIfMissing)) ?? { mtimeMs: Infinity }
        if (Date.now() - mtimeMs < olderThanMs) continue
        if (!dryRun) await rm(path, { force: true })
        count += 1
      }
      return count
    },
    async check() {
      const probe = join(incoming, randomUUID())
      try {
        const file = await open(probe, 'wx', 0o600)
        await closing(file, async () => file.writeFile('x'))
      } catch (error) {
        throw explain(error)
      } finally {
        await discard(probe)
      }
    },
    close() {},
  }
}

async function prepare(folder: string) {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const root = await realpath(folder)
    await makeFolders(root, '.incoming')
    const incoming = join(root, '.incoming')
    return { root, incoming, signingKey: await readSigningKey(root, incoming) }
  } catch (error) {
    throw explain(error)
  }
}

/** Makes each folder of the path that is missing, durably. @throws StorageUnavailableError for a symbolic link among them */
async function makeFolders(root: string, path: string): Promise<void> {
  let folder = root
  for (const segment of path.split('/')) {
    const parent = folder
    folder = join(parent, segment)
    const made = await mkdir(folder, { mode: 0o700 }).then(() => true, falseIfThere)
    if (made) await flushFolder(parent)
    else if (!(await lstat(folder)).isDirectory()) throw linked(folder)
  }
}

/** @throws StorageUnavailableError where the folder, free of links when it was made, has one on its way now; ENOENT */
async function refuseLinks(folder: string): Promise<void> {
  if ((await realpath(folder)) !== folder) throw linked(folder)
}

function linked(folder: string): StorageUnavailableError {
  return new StorageUnavailableError(
    `${folder} is no folder of ours, but a link or a file: remove it`,
  )
}

/** A failure to remove must not hide the original error; `clearIncoming` removes the file later. */
async function discard(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => {})
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await closing(folder, async () => folder.sync())
}

async function closing(file: FileHandle, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } finally {
    await file.close()
  }
}

async function statFile(root: string, key: string): Promise<StoredFile | null> {
  try {
    await refuseLinks(dirname(join(root, key)))
    const found = await lstat(join(root, key))
    return found.isFile() ? { key, size: found.size, modifiedAt: found.mtime } : null
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return null
    throw explain(error)
  }
}

async function* listFolder(root: string, path: string): AsyncGenerator<StoredFile> {
  const folder = await openForList(join(root, path))
  if (folder === null) return
  for await (const entry of folder) {
    const name = `${path}/${entry.name}`
    if (entry.isDirectory()) yield* listFolder(root, name)
    else if (entry.isFile() && isKey(name)) {
      const found = await statFile(root, name)
      if (found) yield found
    }
  }
}

async function openForList(path: string) {
  try {
    await refuseLinks(path)
    return await opendir(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw explain(error)
  }
}

/** Adds advice to a system error; other errors pass unchanged. */
function explain(error: unknown): unknown {
  const code = codeOf(error)
  const advice = {
    ENOSPC: 'the disk is full',
    EDQUOT: "the user's quota is used up",
    EACCES: 'this user may not write there',
    EPERM: 'this user may not write there',
    EROFS: 'it is read-only',
    ELOOP: 'there is a symbolic link in it',
    ENOTDIR: 'there is a file where a folder should be',
    EIO: 'the disk does not answer',
  }[code]
  if (advice === undefined || !(error instanceof Error)) return error
  return new StorageUnavailableError(
    `the folder of stored files ($PIGEONPOST_DATA/media) cannot be used: ${advice} (${error.message})`,
    { cause: error },
  )
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function falseIfThere(error: unknown): false {
  if (codeOf(error) === 'EEXIST') return false
  throw error
}

function nullIfMissing(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null
  throw error
}
