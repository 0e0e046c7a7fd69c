import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import type { Test } from 'tap'
import { openStorages } from '../../adapters/media/storages.ts'
import { createScanner, type Scanner } from '../../adapters/scan/index.ts'
import type { StorageConfig } from '../../adapters/storage/index.ts'
import type { Clamd } from './clamd.ts'
import { waitFor } from './wait.ts'

/** Storage in a folder, and a spool, that end with the test. */
export async function mediaFolders(
  t: Pick<Test, 'teardown'>,
  about: {
    baseUrl?: string
    scanner?: Scanner | null
    limit?: number
    /** A folder by default. */
    config?: StorageConfig
    /** Folders of the test's own, in place of new ones. */
    dataFolder?: string
    spoolFolder?: string
  } = {},
) {
  const own = await mkdtemp(join(tmpdir(), 'pigeonpost-media-'))
  t.teardown(async () => rm(own, { recursive: true, force: true }))
  const dataFolder = about.dataFolder ?? own
  const storages = await openStorages(about.config ?? {}, {
    dataFolder,
    baseUrl: about.baseUrl ?? 'http://files.test',
  })
  const spoolFolder = about.spoolFolder ?? join(own, 'spool')
  const spooled = async (): Promise<string[]> => readdir(spoolFolder).catch(() => [])
  return {
    settings: {
      storages,
      scanner: about.scanner ?? null,
      spoolFolder,
      limit: about.limit ?? 10_485_760,
      privateHosts: [],
    },
    /** Keys of what is stored. */
    async stored(): Promise<string[]> {
      const keys: string[] = []
      for await (const { key } of storages.current.list('messages/')) keys.push(key)
      return keys.toSorted()
    },
    spooled,
    /** A worker deletes what it spooled after its transaction, which is what a test sees first. */
    async spoolEmpties(): Promise<void> {
      const empty = async () => (await spooled()).length === 0
      await waitFor(empty, { what: 'the spool to be empty' })
    },
  }
}

export function scannerOf({ host, port }: Clamd): Scanner {
  return createScanner({ host, port, connectMs: 500 })
}

/** A picture like no other. */
export async function picture(width = 64, height = 48): Promise<Buffer> {
  const raw = Buffer.from(Array.from({ length: width * height * 3 }, () => Math.random() * 256))
  return sharp(raw, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer()
}
