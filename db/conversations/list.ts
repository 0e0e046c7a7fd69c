import type { Transaction } from '../connect.ts'
import { type Place } from '../paging/keyset.ts'
import { newestOfThreads } from '../messages/filter.ts'
import { useGenericPlan } from '../plan-cache.ts'
import {
  conversationColumns,
  conversationRow,
  type ConversationRow,
  messageColumns,
  messageRow,
  type MessageRow,
} from '../rows.ts'
import { exactCounters } from './find.ts'

export type ConversationFilter = {
  tenantId: number
  status?: ConversationRow['status'] | undefined
  type?: ConversationRow['type'] | undefined
  channel?: string | undefined
  accountId?: string | undefined
  /** A customer in it: of a direct conversation, or as a participant. */
  customerId?: string | undefined
}

export type ConversationPage = {
  /** Maximum number of rows. */
  limit: number
  /** Rows to skip: for paging by number. */
  offset?: number | undefined
  /** Only rows after this key: for paging by cursor. */
  after?: Place | undefined
}

/** A customer or an account of ours that is in a conversation now. */
export type Participant = {
  id: string
  conversationId: string
  customerId: string | null
  accountId: string | null
  role: 'owner' | 'admin' | 'member'
  name: string | null
  /** Their address on the conversation's channel. */
  address: string | null
  joinedAt: Date
  leftAt: Date | null
  metadata: Record<string, unknown>
}

export type ListedConversation = ConversationRow & {
  /** Key of this row, for a cursor. */
  place: Place
  /** The address of our account. */
  accountAddress: string | null
  /** The first 100 participants, our account included. */
  participants: Participant[]
  /** The latest 20 messages, newest first. */
  messages: MessageRow[]
}

/** A group may have thousands. */
const maxParticipants = 100
const maxLatestMessages = 20
/** How many events that are not folded yet are read; without a worker there may be any number. */
const maxUnfolded = 1000

/**
 * The tenant's conversations, ordered by their latest message, or by when they were opened where there is none; newest
 * first. Reads (tenant_id, last_message_at) backwards, a column that is folded from the log; conversations with events
 * that are not folded yet get their position and counters from their messages, so that a new message shows at once.
 */
export async function listConversations(
  tx: Transaction,
  filter: ConversationFilter,
  page: ConversationPage,
): Promise<ListedConversation[]> {
  const { tenantId } = filter
  const offset = page.offset ?? 0
  const wanted = offset + page.limit
  const means = where(tx, filter)
  // The planner takes an unknown limit for a tenth of all rows, and plans anew for every page. So the limit is literal in
  // the statement's text, which makes a hundred texts at most; an offset would make unboundedly many.
  const most = offset === 0 ? tx.unsafe(`limit ${wanted}`) : tx`limit ${wanted}`
  const beyond = (at: ReturnType<Transaction>) =>
    page.after === undefined
      ? tx``
      : tx`and ${at} <= ${page.after.at}::text::timestamptz
          and (${at} < ${page.after.at}::text::timestamptz or c.number < ${page.after.number})`
  const rows = await tx<({ at: string } & ConversationRow)[]>`
    with fresh as materialized (
      select c.id, c.number, coalesce((
        select max((
          select m.occurred_at from pigeonpost.messages m where m.tenant_id = ${tenantId} and m.thread_id = t.id
          order by m.occurred_at desc, m.number desc limit 1))
        from pigeonpost.threads t where t.tenant_id = ${tenantId} and t.conversation_id = c.id
      ), c.created_at) as at
      from (
        select distinct coalesce(o.merged_into, o.id) as id
        from (
          select m.conversation_id from pigeonpost.messages m
          where m.tenant_id = ${tenantId} and m.number > (select pigeonpost_private.folded_id(${tenantId}))
          order by m.number desc limit ${maxUnfolded}) e
        cross join lateral (
          select o.id, o.merged_into from pigeonpost.conversations o
          where o.tenant_id = ${tenantId} and o.id = e.conversation_id offset 0) o) e
      -- "offset 0" makes the planner use the key: it expects the maximum number of events, and would read every conversation.
      cross join lateral (
        select c.id, c.number, c.created_at from pigeonpost.conversations c
        where c.id = e.id and ${means} offset 0) c
    ),
    place as (
      (select c.id, c.number, c.at from fresh c
        where true ${beyond(tx`c.at`)} order by c.at desc, c.number desc ${most})
      union all
      (select c.id, c.number, c.last_message_at from pigeonpost.conversations c
        where ${means} and c.last_message_at is not null and c.id not in (select f.id from fresh f)
          ${beyond(tx`c.last_message_at`)}
        order by c.last_message_at desc, c.number desc ${most})
      union all
      (select c.id, c.number, c.created_at from pigeonpost.conversations c
        where ${means} and c.last_message_at is null and c.id not in (select f.id from fresh f)
          ${beyond(tx`c.created_at`)}
        order by c.created_at desc, c.number desc ${most})
      order by at desc, number desc offset ${offset} limit ${page.limit}
    )
    select ${tx(plainColumns)},
      coalesce(k.last_message_at, c.last_message_at) as last_message_at,
      coalesce(k.unread_count, c.unread_count) as unread_count,
      coalesce(k.total_messages, c.total_messages) as total_messages,
      to_char(p.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
    from place p
    join pigeonpost.conversations c on c.tenant_id = ${tenantId} and c.id = p.id
    left join fresh f on f.id = p.id
    left join lateral (${exactCounters(tx)}) k on f.id is not null
    order by p.at desc, p.number desc`
  return withContents(
    tx,
    tenantId,
    rows.map((row) => ({
      ...conversationRow.parse(row),
      place: { at: row.at, number: row.number },
    })),
  )
}

const counters = ['last_message_at', 'unread_count', 'total_messages']
const plainColumns = conversationColumns
  .filter((name) => !counters.includes(name))
  .map((name) => `c.${name}`)

function where(tx: Transaction, filter: ConversationFilter) {
  const { tenantId, status, type, channel, accountId, customerId } = filter
  return tx`c.tenant_id = ${tenantId} and c.merged_into is null
    ${status === undefined ? tx`` : tx`and c.status = ${status}`}
    ${type === undefined ? tx`` : tx`and c.type = ${type}`}
    ${channel === undefined ? tx`` : tx`and c.channel = ${channel}`}
    ${accountId === undefined ? tx`` : tx`and c.account_id = ${accountId}`}
    ${
      customerId === undefined
        ? tx``
        : tx`and c.id = any (array(select p.conversation_id from pigeonpost.conversation_participants p
            where p.tenant_id = ${tenantId} and p.customer_id = ${customerId} and p.left_at is null))`
    }`
}

/** How many conversations match a filter; stops counting at `most`. */
export async function countConversations(
  tx: Transaction,
  filter: ConversationFilter,
  most: number,
): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::integer as count from (
      select from pigeonpost.conversations c where ${where(tx, filter)} limit ${most}) c`
  return row?.count ?? 0
}

/** The same conversations with their participants and latest messages. */
export async function withContents<C extends ConversationRow>(
  tx: Transaction,
  tenantId: number,
  conversations: C[],
): Promise<(C & Pick<ListedConversation, 'accountAddress' | 'participants' | 'messages'>)[]> {
  if (conversations.length === 0) return []
  const ids = conversations.map(({ id }) => id)
  const accountIds = [...new Set(conversations.map((one) => one.account_id))]
  const [, accounts, participants, messages] = await Promise.all([
    // One plan serves one conversation as well as a hundred; planning each time takes longer than reading.
    useGenericPlan(tx),
    tx<{ id: string; address: string | null }[]>`
      select id, address from pigeonpost.accounts where tenant_id = ${tenantId} and id = any (${accountIds}::uuid[])`,
    readParticipants(tx, tenantId, ids),
    readLatestMessages(tx, tenantId, ids),
  ])
  const addresses = new Map(accounts.map(({ id, address }) => [id, address]))
  return conversations.map((conversation) => ({
    ...conversation,
    accountAddress: addresses.get(conversation.account_id) ?? null,
    participants: participants.get(conversation.id) ?? [],
    messages: messages.get(conversation.id) ?? [],
  }))
}

async function readParticipants(
  tx: Transaction,
  tenantId: number,
  ids: string[],
): Promise<Map<string, Participant[]>> {
  // Names are looked up one by one: a join would be planned as a hash of all customers, because the planner estimates ten
  // tenants for the row-level security policy.
  const rows = await tx<Participant[]>`
    select p.id, p.conversation_id as "conversationId", p.customer_id as "customerId", p.account_id as "accountId", p.role,
      case when p.account_id is not null
        then (select a.name from pigeonpost.accounts a where a.tenant_id = c.tenant_id and a.id = p.account_id)
        else (select u.name from pigeonpost.customers u where u.tenant_id = c.tenant_id and u.id = p.customer_id) end as name,
      case when p.account_id is not null
        then (select a.address from pigeonpost.accounts a where a.tenant_id = c.tenant_id and a.id = p.account_id)
        when c.customer_id = p.customer_id and c.address is not null then c.address
        else (select i.address from pigeonpost.customer_identities i
          where i.tenant_id = c.tenant_id and i.customer_id = p.customer_id and i.channel = c.channel
          order by i.created_at, i.address limit 1) end as address,
      p.joined_at as "joinedAt", p.left_at as "leftAt", p.metadata
    from unnest(${ids}::uuid[]) o (id)
    join pigeonpost.conversations c on c.tenant_id = ${tenantId} and c.id = o.id
    cross join lateral (
      select * from pigeonpost.conversation_participants p
      where p.tenant_id = c.tenant_id and p.conversation_id = c.id and p.left_at is null
      order by p.joined_at, p.id limit ${maxParticipants}) p
    order by p.joined_at, p.id`
  return Map.groupBy(rows, ({ conversationId }) => conversationId)
}

async function readLatestMessages(
  tx: Transaction,
  tenantId: number,
  ids: string[],
): Promise<Map<string, MessageRow[]>> {
  const found = newestOfThreads(tx, { tenantId }, tx`t.conversation_id = c.id`, {
    columns: tx`m.id, m.occurred_at, m.number`,
    limit: maxLatestMessages,
  })
  const rows = await tx`
    select ${tx(messageColumns.map((name) => `m.${name}`))}
    from unnest(${ids}::uuid[]) c (id)
    cross join lateral (
      select * from (${found}) p order by p.occurred_at desc, p.number desc limit ${maxLatestMessages}) p
    cross join lateral (
      select * from pigeonpost.messages_with_state m where m.tenant_id = ${tenantId} and m.id = p.id offset 0) m
    order by m.occurred_at desc, m.number desc`
  return Map.groupBy(
    rows.map((row) => messageRow.parse(row)),
    ({ conversation_id }) => conversation_id,
  )
}
