import type { Sql } from '../../db/connect.ts'
import { findMessageFiles, type MessageFile } from '../../db/media/message-files.ts'
import type { OutboundFile } from '../channels/channel.ts'
import { safeFilename } from './filename.ts'
import type { Storages } from './storages.ts'

/** For how long a provider may fetch what it was told of. */
const linkSeconds = 3_600

export type OutboundFiles = {
  /** What a message takes along, in its order. @throws where a storage of a file is not configured here */
  of(tenantId: number, messageId: string): Promise<OutboundFile[]>
}

/** @param publicUrl where the internet reaches our HTTP server; null: files that it serves have no url */
export function createOutboundFiles(
  sql: Sql,
  storages: Storages,
  publicUrl: string | null,
): OutboundFiles {
  async function toFile(found: MessageFile): Promise<OutboundFile> {
    const storage = await storages.get(found.storage)
    const { url: _url, id: _id, content_base64: _content, ...reference } = found.reference
    const filename = safeFilename(found.filename, null)
    const about = {
      seconds: linkSeconds,
      filename,
      contentType: found.contentType,
      disposition: 'attachment' as const,
    }
    const reachable = storage.served === null || publicUrl !== null
    return {
      reference,
      filename,
      contentType: found.contentType,
      size: found.size,
      url: reachable ? await storage.presign(found.storageKey, about) : null,
      read: async () => storage.get(found.storageKey),
    }
  }

  return {
    async of(tenantId, messageId) {
      const found = await findMessageFiles(sql, tenantId, messageId)
      return Promise.all(found.map(toFile))
    },
  }
}
