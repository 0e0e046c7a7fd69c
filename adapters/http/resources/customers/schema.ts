/** Customers and the addresses by which channels know them, from rows. */

import { z } from 'zod'
import type { CustomerRow, IdentityRow } from '../../../../db/rows.ts'
import { time } from '../messages/schema.ts'

export const identityShape = z
  .object({
    channel: z.string(),
    address: z.string(),
    createdAt: time,
  })
  .meta({ id: 'Identity' })

export function toIdentityShape(row: IdentityRow): z.infer<typeof identityShape> {
  return {
    channel: row.channel,
    address: row.address,
    createdAt: row.created_at.toISOString(),
  }
}

export const customerShape = z
  .object({
    id: z.uuid(),
    leadId: z.int().describe("The CRM's number of it, or one of ours past 32 bits"),
    name: z.string().nullable(),
    externalType: z.string().nullable().describe('The channel of its first address'),
    externalId: z.string().nullable().describe('Its first address'),
    metadata: z.record(z.string(), z.unknown()),
    lastMessageAt: time.nullable(),
    unreadCount: z.int(),
    totalMessages: z.int().describe('In its direct conversations'),
    createdAt: time,
    updatedAt: time,
    identities: z.array(identityShape),
  })
  .meta({ id: 'Customer' })

export function toCustomerShape(
  row: CustomerRow,
  identities: IdentityRow[],
): z.infer<typeof customerShape> {
  return {
    id: row.id,
    leadId: row.lead_id,
    name: row.name,
    externalType: row.external_type,
    externalId: row.external_id,
    metadata: row.metadata,
    lastMessageAt: row.last_message_at?.toISOString() ?? null,
    unreadCount: row.unread_count,
    totalMessages: row.total_messages,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    identities: identities.map(toIdentityShape),
  }
}
