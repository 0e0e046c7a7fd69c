import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { violation } from '../support/rules.ts'
import { applyCommitted, migrationsFolder } from '../support/schema.ts'

// The statements of the et_threads/et_messages contract for chat bridges, verbatim.
const insertStatement = `INSERT INTO et_messages (
    tenant_id,
    lead_id,
    channel,
    message_id,
    timestamp,
    direction,
    message_type,
    text_content,
    raw_json
) VALUES (
    101,                -- tenant_id
    5001,               -- lead_id
    'whatsapp',         -- channel
    '3EB0ABC123',       -- message_id
    1708186800000,      -- timestamp
    'inbound',          -- direction
    'text',             -- message_type
    'Hello',            -- text_content
    '{"key":{"id":"3EB0ABC123"},"message":{"conversation":"Hello"}}'::jsonb
);`
const threadQuery = `-- Get all messages in a thread (chronological)
SELECT *
FROM et_messages
WHERE thread_id = 123
ORDER BY timestamp ASC;`
const leadQuery = `-- Get all messages for a lead across all active threads
SELECT m.*
FROM et_messages m
JOIN et_threads t ON m.thread_id = t.id
WHERE m.lead_id = 5001
  AND t.status = 'active'
ORDER BY m.timestamp ASC;`
const archiveStatement = `-- Archive old thread
UPDATE et_threads
SET status = 'archived'
WHERE id = 123;`
const duplicateCheck = `SELECT id FROM et_messages
WHERE channel = 'whatsapp'
  AND lead_id = 5001
  AND message_id = '3EB0ABC123';`
// What the document's trigger asked, which its readers may ask as well.
const activeThreadQuery = `SELECT id FROM et_threads
    WHERE lead_id = 5001
      AND channel = 'whatsapp'
      AND status = 'active'
    LIMIT 1;`

const thread = (statement: string, id: number): string =>
  statement.replace('123;', `${id};`).replace('123\n', `${id}\n`)

t.test('document 002 runs verbatim', async (t) => {
  const core = await testDatabase(t)
  const other = await testDatabase(t)
  const bridge = await other.login(['pigeonpost_bridge'], [101])
  for (const [who, sql] of [
    ['by the owner, tenant and lead unknown', core.sql],
    ['by a login that has only pigeonpost_bridge, after grant_tenant', bridge],
  ] as const) {
    await t.test(who, async (t) => {
      await sql.unsafe(insertStatement)
      const [message] = await sql.unsafe(duplicateCheck)
      t.equal(Number(message?.['id']), 1, 'messages number from 1')
      const [active] = await sql.unsafe(activeThreadQuery)
      t.equal(Number(active?.['id']), 1, 'threads number from 1')

      const inThread = await sql.unsafe(thread(threadQuery, 1))
      t.match(inThread, [
        {
          id: 1,
          tenant_id: 101,
          lead_id: 5001,
          thread_id: 1,
          channel: 'whatsapp',
          message_id: '3EB0ABC123',
          timestamp: 1708186800000,
          direction: 'inbound',
          message_type: 'text',
          text_content: 'Hello',
          media_url: null,
          raw_json: { key: { id: '3EB0ABC123' }, message: { conversation: 'Hello' } },
        },
      ])
      t.ok(inThread[0]?.['created_at'] instanceof Date)
      t.same(await sql.unsafe(leadQuery), inThread)

      t.equal((await sql.unsafe(insertStatement)).count, 1, 'a duplicate is no error')
      t.equal((await sql.unsafe(threadQuery.replace('123', '1'))).length, 1, 'and no second row')

      t.equal((await sql.unsafe(thread(archiveStatement, 1))).count, 1)
      t.same(await sql.unsafe(leadQuery), [], 'an archived thread is not among the active ones')
      await sql.unsafe(insertStatement)
      t.same(
        await sql`select id, status from et_threads`,
        [{ id: 1, status: 'archived' }],
        'a redelivery opens no thread',
      )
      await sql.unsafe(insertStatement.replaceAll('3EB0ABC123', '3EB0ABC124'))
      t.match(await sql`select id, lead_id, channel, status from et_threads order by id`, [
        { id: 1, lead_id: 5001, channel: 'whatsapp', status: 'archived' },
        { id: 2, lead_id: 5001, channel: 'whatsapp', status: 'active' },
      ])
      t.match(await sql.unsafe(leadQuery), [{ message_id: '3EB0ABC124', thread_id: 2 }])
    })
  }
  t.same(await violation(bridge.unsafe(insertStatement.replace('101,', '102,'))), {
    code: 'PPT01',
    constraint: 'tenant_is_granted',
    column: 'tenant_id',
  })
  t.same(await other.sql`select tenant_id from pigeonpost.tenants order by 1`, [{ tenant_id: 101 }])
})

t.test('a migrated database', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core

  await t.test(
    'a duplicate answers with the stored row, whatever the second one says',
    async (t) => {
      const insert = async (body: string) => sql`
      insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, text_content, raw_json)
      values (11, 1, 'whatsapp', 'm', 1708186800123, 'inbound', ${body}, '{"a": 1}') returning *`
      const [first] = await insert('one')
      t.match(first, {
        message_type: 'text',
        text_content: 'one',
        timestamp: 1708186800123,
        raw_json: { a: 1 },
      })
      const [second] = await insert('two')
      t.same(second, first)
      t.same(await sql`select * from et_messages where tenant_id = 11`, [first])
    },
  )

  await t.test('timestamp is milliseconds both ways', async (t) => {
    for (const timestamp of [0, 1, 999, 1708186800001, 1708186800999, 4102444799999, -1]) {
      await sql`insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, raw_json)
        values (12, 1, 'sms', ${`m${timestamp}`}, ${timestamp}, 'inbound', '{}')`
      const [row] = await sql`select e.timestamp, m.sent_at from et_messages e
        join pigeonpost.messages m on m.tenant_id = e.tenant_id and m.number = e.id
        where e.tenant_id = 12 and e.message_id = ${`m${timestamp}`}`
      t.same(row, { timestamp, sent_at: new Date(timestamp) })
    }
    t.same(
      await violation(sql`insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, raw_json)
        values (12, 1, 'sms', 'far', 9000000000000000000, 'inbound', '{}')`),
      { code: 'PPV01', constraint: 'et_messages_timestamp_in_range', column: 'timestamp' },
    )
  })

  await t.test('document and file are one type', async (t) => {
    await sql`insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, message_type, media_url, raw_json)
      values (13, 1, 'whatsapp', 'doc', 0, 'outbound', 'document', 'https://x.test/a.pdf', '{}')`
    t.same(
      await sql`select content_type, media_url, status from pigeonpost.messages where tenant_id = 13`,
      [{ content_type: 'file', media_url: 'https://x.test/a.pdf', status: 'sent' }],
    )
    t.same(await sql`select message_type from et_messages where tenant_id = 13`, [
      { message_type: 'document' },
    ])
  })

  await t.test('what is missing is named, and nothing is stored', async (t) => {
    const whole: Record<string, unknown> = {
      tenant_id: 14,
      lead_id: 1,
      channel: 'whatsapp',
      message_id: 'm',
      timestamp: 0,
      direction: 'inbound',
      raw_json: sql.json({}),
    }
    for (const column of Object.keys(whole)) {
      const { [column]: _, ...rest } = whole
      const found = await violation(sql`insert into et_messages ${sql(rest as never)}`)
      t.match(found, { code: 'PPV01', constraint: `et_messages_${column}_is_named`, column })
    }
    t.match(
      await violation(sql`insert into et_messages ${sql({ ...whole, message_id: '' } as never)}`),
      {
        constraint: 'et_messages_message_id_is_named',
      },
    )
    t.match(
      await violation(
        sql`insert into et_messages ${sql({ ...whole, direction: 'sideways' } as never)}`,
      ),
      {
        code: 'PPV01',
        constraint: 'messages_direction_known',
        column: 'direction',
      },
    )
    t.match(
      await violation(
        sql`insert into et_messages ${sql({ ...whole, message_type: 'smell' } as never)}`,
      ),
      {
        code: 'PPV01',
        constraint: 'messages_content_type_known',
        column: 'content_type',
      },
    )
    t.same(await sql`select * from pigeonpost.customers where tenant_id = 14`, [])
    t.match(
      await violation(
        sql`insert into et_threads (tenant_id, lead_id, channel) values (14, 1, 'whatsapp')`,
      ),
      {
        code: 'PPC01',
        constraint: 'threads_open_by_themselves',
      },
    )
  })

  await t.test('a channel in capitals is that channel', async (t) => {
    await sql`set statement_timeout = '60s'`
    await sql`insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, raw_json)
      values (15, 1, 'WhatsApp', 'm', 0, 'inbound', '{}')`
    t.same(await sql`select channel from et_messages where tenant_id = 15`, [
      { channel: 'whatsapp' },
    ])
  })

  await t.test('text, media and raw may be updated, nothing else', async (t) => {
    await sql`insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, text_content, raw_json)
      values (16, 1, 'whatsapp', 'm', 0, 'inbound', 'before', '{}')`
    await sql`update et_messages set text_content = 'after' where tenant_id = 16`
    t.match(
      await sql`select body, previous_body from pigeonpost.message_history where tenant_id = 16`,
      [{ body: 'after', previous_body: 'before' }],
    )
    t.match(await violation(sql`update et_messages set lead_id = 2 where tenant_id = 16`), {
      constraint: 'messages_sides_never_change',
    })
    t.match(await violation(sql`update et_threads set channel = 'sms' where tenant_id = 16`), {
      constraint: 'threads_sides_never_change',
    })
    t.match(await violation(sql`update et_threads set status = 'gone' where tenant_id = 16`), {
      constraint: 'threads_status_known',
    })
    await sql`update et_threads set status = 'archived' where tenant_id = 16`
    t.match(await violation(sql`update et_threads set status = 'active' where tenant_id = 16`), {
      constraint: 'threads_stay_archived',
    })
  })

  await t.test('COPY and on conflict do nothing work', async (t) => {
    const columns =
      'tenant_id, lead_id, channel, message_id, timestamp, direction, text_content, raw_json'
    const line = (id: string) =>
      `17\t1\twhatsapp\t${id}\t1708186800000\tinbound\thello ${id}\t{"id": "${id}"}\n`
    const into =
      await sql`copy et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, text_content, raw_json) from stdin`.writable()
    await pipeline(Readable.from(['a', 'b', 'a', 'c'].map(line)), into)
    t.same(
      await sql`select message_id, text_content from et_messages where tenant_id = 17 order by id`,
      [
        { message_id: 'a', text_content: 'hello a' },
        { message_id: 'b', text_content: 'hello b' },
        { message_id: 'c', text_content: 'hello c' },
      ],
    )
    await sql.unsafe(`insert into et_messages (${columns}) values
      (17, 1, 'whatsapp', 'c', 0, 'inbound', 'again', '{}'), (17, 1, 'whatsapp', 'd', 0, 'inbound', 'new', '{}')
      on conflict do nothing`)
    t.same(await sql`select count(*) from et_messages where tenant_id = 17`, [{ count: 4 }])
    t.same(await sql`select count(*) from et_threads where tenant_id = 17`, [{ count: 1 }])
  })

  await t.test('a group: its thread has no lead, its messages have their senders', async (t) => {
    await receive(sql, { tenant: 18, id: 'g1', more: { conversation_external_id: '123@g.us' } })
    await sql`insert into pigeonpost.messages (tenant_id, channel, direction, conversation_external_id, external_message_id, body)
      values (18, 'whatsapp', 'outbound', '123@g.us', 'g2', 'ours')`
    t.match(await sql`select lead_id, channel, status from et_threads where tenant_id = 18`, [
      { lead_id: null, channel: 'whatsapp', status: 'active' },
    ])
    const [sender] = await sql`select lead_id from pigeonpost.customers where tenant_id = 18`
    t.match(
      await sql`select message_id, lead_id from et_messages where tenant_id = 18 order by id`,
      [
        { message_id: 'g1', lead_id: sender?.['lead_id'] },
        { message_id: 'g2', lead_id: null },
      ],
    )
  })

  await t.test(
    'several accounts on one channel: one active thread per lead, and a redelivery is one',
    async (t) => {
      const accounts =
        await sql`insert into pigeonpost.accounts (tenant_id, channel, address) values
      (19, 'whatsapp', '+15550000001'), (19, 'whatsapp', '+15550000002') returning id`
      const insert = async (id: string, body = id) => sql`
      insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, text_content, raw_json)
      values (19, 7, 'whatsapp', ${id}, 0, 'inbound', ${body}, '{}') returning id, thread_id`
      const [first] = await insert('1')
      await insert('2')
      t.same(
        await sql`select count(*) from et_threads where tenant_id = 19 and status = 'active'`,
        [{ count: 1 }],
      )
      // Somebody who knows accounts writes to the lead by the other one: from now on that is the conversation.
      await sql`insert into pigeonpost.messages (tenant_id, account_id, channel, direction, lead_id, external_message_id, body)
      select 19, id, 'whatsapp', 'outbound', 7, 'x', 'x' from pigeonpost.accounts
      where tenant_id = 19 and id <> (select account_id from pigeonpost.conversations where tenant_id = 19)`
      t.equal(accounts.length, 2)
      const [third] = await insert('3')
      const [fourth] = await insert('4')
      t.equal(third?.['thread_id'], fourth?.['thread_id'])
      t.not(third?.['thread_id'], first?.['thread_id'])
      t.same(await insert('1', 'changed'), [first], 'though the lead talks to another account now')
      t.same(await sql`select count(*) from et_messages where tenant_id = 19`, [{ count: 5 }])
    },
  )

  await t.test(
    "a merged lead's old number still arrives, however often it was merged",
    async (t) => {
      const insert = async (lead: number, id: string) => sql`
      insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, raw_json)
      values (20, ${lead}, 'whatsapp', ${id}, 0, 'inbound', '{}') returning id`
      const [kept] = await insert(1, 'a')
      await insert(2, 'b')
      await insert(3, 'c')
      const ids = await sql<
        { id: string }[]
      >`select id from pigeonpost.customers where tenant_id = 20 order by lead_id`
      const [a, b, c] = ids.map((row) => row.id)
      await sql`select pigeonpost.merge_customers(20, ${b ?? ''}, ${a ?? ''})`
      await sql`select pigeonpost.merge_customers(20, ${c ?? ''}, ${b ?? ''})`
      t.same(await insert(1, 'a'), [kept])
      await insert(1, 'd')
      t.same(await sql`select lead_id, count(*) from et_messages where tenant_id = 20 group by 1`, [
        { lead_id: 3, count: 4 },
      ])
      t.same(
        await sql`select count(*) from et_threads where tenant_id = 20 and status = 'active'`,
        [{ count: 1 }],
      )
    },
  )

  await t.test('8 writers and 50 new leads leave 50 active threads', async (t) => {
    const writers = core.connect({ max: 8 })
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (let lead = 1; lead <= 50; lead++) {
          // By turns, so that all meet at the same leads.
          await writers`insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, raw_json)
            values (21, ${lead}, 'whatsapp', ${`${writer}-${lead}`}, 0, 'inbound', '{}'),
              (21, ${lead}, 'whatsapp', ${`all-${lead}`}, 0, 'inbound', '{}')`
        }
      }),
    )
    t.same(
      await sql`select count(*), count(distinct lead_id) as leads from et_threads where tenant_id = 21 and status = 'active'`,
      [{ count: 50, leads: 50 }],
    )
    t.same(await sql`select count(*) from et_messages where tenant_id = 21`, [{ count: 9 * 50 }])
    t.same(await sql`select count(*) from pigeonpost.customers where tenant_id = 21`, [
      { count: 50 },
    ])
  })
})

t.test('the history queries use indexes under the owner and under a bridge', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core
  // A hundred leads in each of 20 tenants, made the quick way: only the plans are looked at.
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`insert into pigeonpost.tenants (tenant_id) select g from generate_series(101, 120) g`
    await tx`insert into pigeonpost.customers (tenant_id, lead_id) select 101 + g % 20, 5001 + g / 20 from generate_series(0, 1999) g`
    await tx`insert into pigeonpost.threads (tenant_id, conversation_id, customer_id, channel, status)
      select c.tenant_id, pigeonpost.uuid_v7(), c.id, 'whatsapp', case g when 1 then 'active' else 'archived' end
      from pigeonpost.customers c cross join generate_series(1, 5) g`
    await tx`insert into pigeonpost.messages (number, tenant_id, account_id, conversation_id, thread_id, customer_id, direction, status, external_message_id, body, occurred_at)
      select nextval('pigeonpost.log_id_seq'), t.tenant_id, t.id, t.conversation_id, t.id, t.customer_id, 'inbound', 'read', t.number || '-' || g, 'x', now()
      from pigeonpost.threads t cross join generate_series(1, 5) g`
    // A tenth was said in groups.
    await tx`update pigeonpost.messages set sender_customer_id = customer_id, customer_id = null where number % 10 = 0`
  })
  await sql`analyze`
  const bridge = await core.login(['pigeonpost_bridge'], [101])
  for (const [who, as] of [
    ['owner', sql],
    ['bridge', bridge],
  ] as const) {
    for (const [name, query, index] of [
      ['a thread', threadQuery, /messages_thread\b/],
      ['a lead', leadQuery, /messages_(customer|thread)\b/],
      ['the duplicate check', duplicateCheck, /messages_(external_id_is_unique|customer)\b/],
      ['the active thread', activeThreadQuery, /threads_lead\b/],
    ] as const) {
      const plan = (await as.unsafe(`explain ${query}`))
        .map((row) => String(row['QUERY PLAN']))
        .join('\n')
      t.notMatch(plan, /Seq Scan on (messages|threads|customers)/, `${name} as ${who}`)
      t.match(plan, index, `${name} as ${who}`)
      t.match(plan, /Index Cond: \(\(?tenant_id = (ANY|\w+\.tenant_id)/, `${name} as ${who}`)
    }
  }
})

t.test('names that are taken: the views go to the schema pigeonpost', async (t) => {
  const core = await testDatabase(t, { blank: true })
  await core.sql`create table public.et_messages (mine integer)`
  await applyCommitted(core.sql)
  t.same(
    await core.sql`select n.nspname || '.' || c.relname as name, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relname in ('et_messages', 'et_threads') order by 1`,
    [
      { name: 'pigeonpost.et_messages', relkind: 'v' },
      { name: 'public.et_messages', relkind: 'r' },
      { name: 'public.et_threads', relkind: 'v' },
    ],
  )
  const bridge = await core.login(['pigeonpost_bridge'], [101])
  await bridge.unsafe(insertStatement.replace('et_messages', 'pigeonpost.et_messages'))
  t.match(await bridge`select lead_id from pigeonpost.et_messages`, [{ lead_id: 5001 }])
  t.match(await bridge`select lead_id from public.et_threads`, [{ lead_id: 5001 }])
  // Where the views are first in the path, the document's own words do.
  await bridge`set search_path = pigeonpost, public`
  await bridge.unsafe(insertStatement.replace('3EB0ABC123', '3EB0ABC125'))
  t.match(await bridge.unsafe(leadQuery), { length: 2 })
  t.same(await core.sql`select * from public.et_messages`, [])
  await core.sql.unsafe(
    await readFile(join(migrationsFolder, 'fixtures', '130_et_views.sql'), 'utf8'),
  )
  t.same(
    await core.sql`select count(*) from pg_class where relname in ('et_messages', 'et_threads')`,
    [{ count: 3 }],
    'applied again',
  )
})
