import type { Sql } from '../../db/connect.ts'
import { findMessageFiles, type MessageFile } from '../../db/media/of-messages.ts'
import type { OutboundFile, OutboundMessage } from '../channels/channel.ts'
import { safeFilename } from './filename.ts'
import type { Storages } from './storages.ts'

/** For how long a provider may fetch what it was told of. */
const linkSeconds = 3_600

export interface OutboundFiles {
  /**
   * The messages with the files that they take along. A file that cannot be told of (its storage is not configured here)
   * makes the whole call fail, before anything was sent.
   */
  of<M extends OutboundMessage>(tenantId: number, messages: M[]): Promise<M[]>
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
    async of(tenantId, messages) {
      const ids = messages.map(({ id }) => id)
      const found = await findMessageFiles(sql, tenantId, ids)
      const byMessage = Map.groupBy(found, ({ messageId }) => messageId)
      return Promise.all(
        messages.map(async (message) => {
          const files = await Promise.all((byMessage.get(message.id) ?? []).map(toFile))
          return files.length > 0 ? { ...message, files } : message
        }),
      )
    },
  }
}
