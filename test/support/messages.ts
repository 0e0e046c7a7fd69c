import type { Db } from '../../db/connect.ts'

export type Row = Record<string, unknown>

let count = 0
/** An external id that no other has. */
export const newId = (): string => `id-${++count}`
/** A tenant of this process that no other test uses. */
export const newTenant = (): number => 1000 + ++count
/** A phone number that no other test uses. */
export const newPhone = (): string => `+2783${String(1_000_000 + ++count)}`

export type Message = {
  id: string
  number: number
  tenant_id: number
  account_id: string
  conversation_id: string
  thread_id: string
  customer_id: string | null
  sender_customer_id: string | null
  address: string | null
  direction: string
  channel: string
  external_message_id: string | null
  content_type: string
  body: string | null
  body_version: number
  status: string
  attempts: number
  is_processed: boolean
  lead_id: number | null
  scheduled_for: Date | null
  next_attempt_at: Date | null
  occurred_at: Date
  sent_at: Date | null
  delivered_at: Date | null
  read_at: Date | null
  created_at: Date
  updated_at: Date
}

/** The canonical insert; undefined when the row was a second copy. Inbound, with an id of its own, unless `row` says otherwise. */
export async function deliver(sql: Db, row: Row): Promise<Message | undefined> {
  const full: Row = {
    direction: 'inbound',
    ...(row['direction'] === undefined || row['direction'] === 'inbound'
      ? { external_message_id: newId() }
      : {}),
    ...row,
  }
  const [stored] = await sql<Message[]>`
    insert into pigeonpost.messages ${sql(full as never)}
    on conflict (tenant_id, external_message_id, conversation_id) do nothing returning *`
  return stored
}

/** The same, for a row that must be new. */
export async function store(sql: Db, row: Row): Promise<Message> {
  const stored = await deliver(sql, row)
  if (!stored) throw new Error('the message was a second copy')
  return stored
}

/** How many rows of a table a tenant has. */
export async function countRows(sql: Db, table: string, tenant: number): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*) from ${sql(`pigeonpost.${table}`)} where tenant_id = ${tenant}`
  return row?.count ?? 0
}

export type Inbound = {
  tenant?: number
  address?: string
  id: string
  body?: string | null
  channel?: string
  more?: Record<string, unknown>
}

/** One inbound message, as a bridge inserts it. Null for a duplicate. */
export async function receive(
  sql: Db,
  message: Inbound,
): Promise<{
  id: string
  number: number
  conversation_id: string
  thread_id: string
  customer_id: string | null
} | null> {
  const row = {
    tenant_id: message.tenant ?? 1,
    channel: message.channel ?? 'whatsapp',
    direction: 'inbound',
    address: message.address ?? '+27831234567',
    external_message_id: message.id,
    body: message.body === undefined ? message.id : message.body,
    ...message.more,
  }
  const [stored] = await sql`
    insert into pigeonpost.messages ${sql(row)}
    on conflict (tenant_id, external_message_id, conversation_id) do nothing
    returning id, number, conversation_id, thread_id, customer_id`
  return (stored as Awaited<ReturnType<typeof receive>>) ?? null
}
