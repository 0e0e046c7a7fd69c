/** Media, to and from rows. */

import { z } from 'zod'
import { type MediaRow, mediaStatus } from '../../../../db/rows.ts'

const time = z.string().describe('ISO 8601, UTC')

export const mediaShape = z.object({
  id: z.uuid(),
  ownerService: z.string(),
  filename: z.string().nullable(),
  contentType: z.string().nullable().describe('By its content, once it is here'),
  size: z.number().nullable().describe('Bytes'),
  storageKey: z.string().nullable(),
  previewUrl: z.string().nullable().describe('Path of its thumbnail in this API'),
  metadata: z
    .record(z.string(), z.unknown())
    .describe('width and height in pixels, durationSeconds, pages, as the file has them'),
  status: mediaStatus.describe(
    'pending: not fetched or not scanned yet; clean and unscanned can be downloaded and sent',
  ),
  messageId: z.uuid().nullable().describe('The message that brought it'),
  position: z.number().nullable().describe("Which of the message's files, from 1"),
  errorCode: z.string().nullable(),
  errorMessage: z.string().nullable(),
  createdBy: z.uuid().nullable(),
  createdAt: time,
  updatedAt: time,
})

export function toMediaShape(row: MediaRow): z.infer<typeof mediaShape> {
  return {
    id: row.id,
    ownerService: row.owner_service,
    filename: row.filename,
    contentType: row.content_type,
    size: row.size,
    storageKey: row.storage_key,
    previewUrl: row.preview_url,
    metadata: row.metadata,
    status: row.status,
    messageId: row.message_id,
    position: row.position,
    errorCode: row.error_code,
    errorMessage: row.error_message,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

export const linkShape = z.object({
  url: z.string().describe('Anyone may fetch it, whole or in ranges, until it expires'),
  expiresAt: time,
})
