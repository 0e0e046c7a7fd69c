import type { Sql } from '../../db/connect.ts'

/** Uuids that tests can name: of conversations, threads, customers and accounts by a kind and a number. */
export const idOf = (kind: number, n: number): string =>
  `00000000-000${kind}-7000-8000-${n.toString(16).padStart(12, '0')}`
const id = (kind: number, n: string): string =>
  `('00000000-000${kind}-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`

export const customer = (n: number): string => idOf(1, n)
export const conversation = (n: number): string => idOf(2, n)
export const thread = (n: number): string => idOf(3, n)
export const account = (n: number): string => idOf(4, n)

/** Message n was stored at this moment. */
export const storedAt = (n: number): Date => new Date(Date.UTC(2024, 0, 1) + n * 30_000)

/**
 * A million messages, made the quick way, with all that a worker would have folded: tenant 2 has each tenth and 5,000 of
 * 50,000 conversations. Of tenant 1, conversation 1 has 100,000 messages in 200 threads; the first 1,000 are groups, in
 * which their senders take part; account 1 has the most, 4 has a hundred of the oldest; videos, messages of the system and
 * what is unknown are few and old; twenty take one upload along.
 */
export async function fillMillion(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`set local work_mem = '128MB'`
    await tx`set local maintenance_work_mem = '256MB'`
    await tx`insert into pigeonpost.tenants (tenant_id) values (1), (2) on conflict do nothing`
    await tx.unsafe(`insert into pigeonpost.accounts (tenant_id, id, channel, address)
      select case when n = 5 then 2 else 1 end, ${id(4, 'n')}, 'whatsapp', '+2780000000' || n from generate_series(1, 5) n`)
    await tx.unsafe(`insert into pigeonpost.customers (tenant_id, id, lead_id, total_messages)
      select case when n % 10 = 0 then 2 else 1 end, ${id(1, 'n')}, n, case n when 1 then 100000 else 0 end
      from generate_series(1, 50000) n`)
    await tx.unsafe(`insert into pigeonpost.conversations
        (tenant_id, id, number, type, account_id, channel, customer_id, address, group_name, external_id, thread_id, total_messages, last_message_at)
      select t.tenant_id, ${id(2, 'n')}, n, t.type, ${id(4, 'case t.tenant_id when 2 then 5 else 1 end')}, 'whatsapp',
        case when t.type = 'direct' then ${id(1, 'n')} end, case when t.type = 'direct' then '+2781' || lpad(n::text, 7, '0') end,
        case when t.type = 'group' then 'Group ' || n end, case when t.type = 'group' then n || '@g.us' end,
        ${id(3, 'case n when 1 then 50200 else n end')}, case n when 1 then 100000 else 18 end, '2025-01-01'::timestamptz + n * interval '1 s'
      from generate_series(1, 50000) n
      cross join lateral (select case when n % 10 = 0 then 2 else 1 end as tenant_id, case when n between 2 and 1000 then 'group' else 'direct' end as type) t`)
    await tx.unsafe(`insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id)
      select case when n % 10 = 0 then 2 else 1 end, ${id(2, 'n')}, ${id(1, 'o.who')} from generate_series(1, 50000) n
      cross join lateral (select n union all select n + 20 * k from generate_series(1, 3) k where n between 2 and 1000) o (who)`)
    await tx.unsafe(`insert into pigeonpost.threads (tenant_id, id, number, conversation_id, customer_id, channel, status)
      select case when c % 10 = 0 then 2 else 1 end, ${id(3, 'n')}, n, ${id(2, 'c')}, case when c not between 2 and 1000 then ${id(1, 'c')} end, 'whatsapp',
        case when n between 50001 and 50199 or n = 1 then 'archived' else 'active' end
      from generate_series(1, 50200) n cross join lateral (select case when n > 50000 then 1 else n end as c) x`)
    const indexes = await tx<{ name: string; definition: string }[]>`
      select c.oid::regclass::text as name, pg_get_indexdef(c.oid) as definition from pg_index x join pg_class c on c.oid = x.indexrelid
      where x.indrelid = 'pigeonpost.messages'::regclass and not x.indisunique`
    for (const { name } of indexes) await tx.unsafe(`drop index ${name}`)
    await tx.unsafe(`insert into pigeonpost.messages (tenant_id, id, number, account_id, conversation_id, thread_id, customer_id, sender_customer_id,
        direction, content_type, status, external_message_id, body, campaign_id, occurred_at, sent_at, created_at)
      select case when c % 10 = 0 then 2 else 1 end, ${id(5, 'n')}, n,
        ${id(4, 'case when c % 10 = 0 then 5 when n <= 1000 and n % 10 = 1 then 4 when n % 11 = 0 then 2 when n % 13 = 0 then 3 else 1 end')},
        ${id(2, 'c')}, ${id(3, 't')}, case when c not between 2 and 1000 then ${id(1, 'c')} end,
        case when direction <> 'inbound' then null when c between 2 and 1000 then ${id(1, 'c + 20 * (n / 50000 % 4)')} else ${id(1, 'c')} end,
        direction, case when n between 1000 and 1050 then 'video' when n % 17 = 0 then 'image' else 'text' end,
        case when direction = 'outbound' then case when n between 2000 and 2100 then 'unknown' when n % 1000 = 3 then 'failed'
          when n % 5000 = 13 then 'canceled' when n between 3000 and 3100 then 'sent' else 'read' end
          when direction = 'inbound' and n between 4000 and 4100 then 'read' else 'delivered' end,
        'x' || n, 'A message', case when n % 1000 = 23 then 'spring' end, at, at, at
      from generate_series(1, 1000000) n
      cross join lateral (select case when n % 10 = 9 then 1 else n / 3 % 50000 + 1 end as c, case when n % 10 = 3 then 'outbound'
        when n < 1000 and n % 100 = 7 then 'system' else 'inbound' end as direction, '2024-01-01Z'::timestamptz + n * interval '30 s' as at) d
      cross join lateral (select case when d.c = 1 then 50001 + n / 5000 % 200 else d.c end as t) e`)
    await tx`update pigeonpost.messages set problem = status where status in ('failed', 'unknown', 'canceled')`
    for (const { definition } of indexes) await tx.unsafe(definition)
    await tx.unsafe(`insert into pigeonpost.media_files (tenant_id, id, sha256, size, content_type, storage, storage_key, status)
      values (1, ${id(6, '1')}, sha256('x'), 1, 'image/png', 'folder', 'x', 'clean')`)
    await tx.unsafe(`insert into pigeonpost.media (tenant_id, id, file_id, filename, status, storage_key)
      values (1, ${id(6, '1')}, ${id(6, '1')}, 'x.png', 'clean', 'x')`)
    await tx.unsafe(
      `update pigeonpost.messages set media_id = ${id(6, '1')} where tenant_id = 1 and number % 50000 = 13`,
    )
    await tx`insert into pigeonpost_private.message_counts (tenant_id, account_id, direction, content_type, status, messages)
      select tenant_id, account_id, direction, content_type, status, count(*) from pigeonpost.messages group by 1, 2, 3, 4, 5`
    await tx`update pigeonpost.conversations c set total_messages = k.total, unread_count = k.unread, last_message_at = k.at
      from (select conversation_id, count(*) as total, count(*) filter (where direction = 'inbound' and status = 'delivered') as unread, max(occurred_at) as at
        from pigeonpost.messages group by 1) k where k.conversation_id = c.id`
    await tx`update pigeonpost.customers c set total_messages = v.total_messages, unread_count = v.unread_count, last_message_at = v.last_message_at
      from pigeonpost.conversations v where v.customer_id = c.id`
    await tx`select pigeonpost_private.extend_spans(t, 1000000) from unnest(array[1, 2]) t`
    await tx`insert into pigeonpost_private.log_cursors (tenant_id, name, cursor) values (1, 'fold', 1000000), (2, 'fold', 1000000)
      on conflict on constraint log_cursors_pkey do update set cursor = excluded.cursor`
    await tx`select setval('pigeonpost.log_id_seq', 1000000), setval('pigeonpost.threads_number_seq', 100000)`
  })
  await sql`vacuum analyze`
}
