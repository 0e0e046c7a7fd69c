import { z } from 'zod'
import type { HistoryEntry } from '../../../../db/messages/history.ts'
import type { MessageRow, MessageState } from '../../../../db/rows.ts'
import {
  directionWord,
  directionWords,
  statusWord,
  statusWords,
  time,
  typeWord,
  typeWords,
} from '../messages/schema.ts'

export const historyShape = z
  .object({
    number: z.int(),
    direction: directionWord,
    sender: z.string().nullable().describe('As the channel knows them; null for us'),
    name: z.string().nullable(),
    type: typeWord,
    content: z.string().nullable(),
    mediaUrl: z.string().nullable(),
    status: statusWord,
    state: z.string(),
    occurredAt: time,
    revokedAt: time.nullable(),
  })
  .meta({ id: 'HistoryEntry' })

export function toHistoryShape(entry: HistoryEntry): z.infer<typeof historyShape> {
  return {
    number: entry.number,
    direction: directionWords[entry.direction],
    sender: entry.sender,
    name: entry.name,
    type: typeWords[entry.contentType as MessageRow['content_type']],
    content: entry.body,
    mediaUrl: entry.mediaUrl,
    status: statusWords[entry.status as MessageState],
    state: entry.status,
    occurredAt: entry.occurredAt.toISOString(),
    revokedAt: entry.revokedAt?.toISOString() ?? null,
  }
}

export const turnShape = z
  .object({
    role: z.enum(['user', 'assistant', 'system']),
    content: z.string(),
    name: z.string().optional().describe('Of a user, where it is known'),
  })
  .meta({ id: 'Turn' })

/** What never reached anybody, or has not left, was not said. */
const unsaid: ReadonlySet<string> = new Set(['scheduled', 'failed', 'canceled'])
const roles = { inbound: 'user', outbound: 'assistant', system: 'system' } as const

/**
 * What was said, as models take it: one turn per message, the customer's as `user` and ours as `assistant`. What was
 * revoked, failed, canceled, or is scheduled for later is left out. A file is named by its kind and URL.
 */
export function toTurns(entries: HistoryEntry[]): z.infer<typeof turnShape>[] {
  return entries.flatMap((entry) => {
    if (entry.revokedAt || unsaid.has(entry.status)) return []
    const file =
      entry.contentType === 'text'
        ? null
        : `[${typeWords[entry.contentType as MessageRow['content_type']]}]`
    const content = [file, entry.body, entry.mediaUrl].filter(Boolean).join(' ')
    if (content === '') return []
    const name = entry.direction === 'inbound' && entry.name ? { name: entry.name } : {}
    return [{ role: roles[entry.direction], content, ...name }]
  })
}
