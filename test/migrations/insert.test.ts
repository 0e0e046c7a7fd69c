import t from 'tap'
import { testDatabase } from '../support/database.ts'
import {
  countRows,
  deliver,
  newId,
  newPhone,
  newTenant,
  type Row,
  store,
} from '../support/messages.ts'
import { isRefused, refuses, rule } from '../support/rules.ts'

const { sql } = await testDatabase(t)

t.test('an insert into an empty database makes everything, and numbers from 1', async (t) => {
  const message = await store(sql, { tenant_id: 1, address: '+27831234567', body: 'Hello' })
  t.equal(message.number, 1)
  const [thread] = await sql`select * from pigeonpost.threads where tenant_id = 1`
  const [conversation] = await sql`select * from pigeonpost.conversations where tenant_id = 1`
  const [customer] = await sql`select * from pigeonpost.customers where tenant_id = 1`
  const [account] = await sql`select * from pigeonpost.accounts where tenant_id = 1`
  const participants = await sql`
    select customer_id, account_id from pigeonpost.conversation_participants where tenant_id = 1 order by account_id nulls first`
  t.match(thread, {
    number: 1,
    id: message.thread_id,
    conversation_id: message.conversation_id,
    customer_id: message.customer_id,
    channel: 'whatsapp',
    status: 'active',
  })
  t.match(conversation, {
    number: 1,
    id: message.conversation_id,
    type: 'direct',
    status: 'open',
    thread_id: message.thread_id,
    customer_id: message.customer_id,
    address: '+27831234567',
    account_id: message.account_id,
  })
  t.match(customer, {
    id: message.customer_id,
    external_type: 'whatsapp',
    external_id: '+27831234567',
  })
  t.match(account, { id: message.account_id, channel: 'whatsapp', provider: null, address: null })
  t.strictSame(
    participants.map((row) => ({ ...row })),
    [
      { customer_id: message.customer_id, account_id: null },
      { customer_id: null, account_id: message.account_id },
    ],
  )
  const events = await sql`select type from pigeonpost.event_log where tenant_id = 1 order by id`
  t.strictSame(
    events.map(({ type }) => type as string),
    ['customer.created', 'conversation.opened', 'thread.opened', 'message.inbound.created'],
  )
})

t.test(
  'whoever names the counterpart, in whatever way, comes to the same conversation',
  async (t) => {
    const tenant_id = newTenant()
    const address = newPhone()
    const first = await store(sql, { tenant_id, address })
    const [customer] =
      await sql`select lead_id from pigeonpost.customers where tenant_id = ${tenant_id}`
    const ways: Record<string, Row> = {
      address: { address },
      'address spelled otherwise': { address: `${address.slice(1)}@s.whatsapp.net` },
      customer_id: { customer_id: first.customer_id },
      conversation_id: { conversation_id: first.conversation_id },
      lead_id: { lead_id: customer?.['lead_id'] },
      'alternate_address alone': { alternate_address: address },
      'account and address': { account_id: first.account_id, address },
      'account and lead': { account_id: first.account_id, lead_id: customer?.['lead_id'] },
    }
    for (const [way, row] of Object.entries(ways)) {
      for (const direction of ['inbound', 'outbound', 'system']) {
        const message = await store(sql, { tenant_id, direction, ...row })
        t.match(
          message,
          {
            conversation_id: first.conversation_id,
            thread_id: first.thread_id,
            customer_id: first.customer_id,
            account_id: first.account_id,
            sender_customer_id: direction === 'inbound' ? first.customer_id : null,
            address,
            lead_id: null,
          },
          `${way}, ${direction}`,
        )
      }
    }
    t.equal(await countRows(sql, 'customers', tenant_id), 1)
    t.equal(await countRows(sql, 'conversations', tenant_id), 1)
    t.equal(await countRows(sql, 'threads', tenant_id), 1)
  },
)

t.test('two addresses of one message belong to one customer from then on', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const lid = '81234@lid'
  const first = await store(sql, { tenant_id, address, alternate_address: '81234:7@lid' })
  const second = await store(sql, { tenant_id, address: lid })
  t.equal(second.customer_id, first.customer_id)
  t.equal(second.conversation_id, first.conversation_id)
  t.equal(await countRows(sql, 'customer_identities', tenant_id), 2)
})

t.test('a chat that is named by a person is a direct one', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const jid = `${address.slice(1)}@s.whatsapp.net`
  const first = await store(sql, { tenant_id, conversation_external_id: jid })
  const rows: Row[] = [
    { address },
    { address, conversation_external_id: jid },
    { address, conversation_external_id: '555:3@lid' },
    { conversation_external_id: '555@lid' },
    { conversation_external_id: '555@lid', direction: 'outbound' },
  ]
  for (const row of rows) {
    const { conversation_id, customer_id } = await store(sql, { tenant_id, ...row })
    t.strictSame(
      [conversation_id, customer_id],
      [first.conversation_id, first.customer_id],
      JSON.stringify(row),
    )
  }
  const [conversation] =
    await sql`select type, external_id from pigeonpost.conversations where tenant_id = ${tenant_id}`
  t.match(conversation, { type: 'direct', external_id: null })
  const group = await store(sql, { tenant_id, address, conversation_external_id: '1203630@g.us' })
  t.equal(group.customer_id, null)
})

t.test('a lead with an address leads that address to the same customer', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const byLead = await store(sql, { tenant_id, lead_id: 5001, address })
  const plain = await store(sql, { tenant_id, address })
  const spelled = await store(sql, { tenant_id, address: address.replace('+27', '0027') })
  t.equal(plain.customer_id, byLead.customer_id)
  t.equal(spelled.customer_id, byLead.customer_id)
  t.equal(await countRows(sql, 'conversations', tenant_id), 1)

  t.test('also one that was known without', async (t) => {
    const later = newPhone()
    const first = await store(sql, { tenant_id, lead_id: 5002 })
    await store(sql, { tenant_id, lead_id: 5002, address: later })
    const third = await store(sql, { tenant_id, address: later })
    t.equal(third.customer_id, first.customer_id)
    t.equal(third.conversation_id, first.conversation_id)
  })

  t.test('but the address of another customer stays theirs', async (t) => {
    const theirs = newPhone()
    const owner = await store(sql, { tenant_id, address: theirs })
    const other = await store(sql, { tenant_id, lead_id: 5003, address: theirs })
    t.not(other.customer_id, owner.customer_id)
    t.equal(other.address, theirs, 'as it was given')
    for (const address of [theirs, theirs.slice(1)]) {
      const next = await store(sql, { tenant_id, address })
      t.equal(next.customer_id, owner.customer_id)
    }
  })
})

t.test('an address that was taken from its customer leads to them no more', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const first = await store(sql, { tenant_id, address, alternate_address: '555@lid' })
  await sql`delete from pigeonpost.customer_identities where tenant_id = ${tenant_id} and address = ${address}`
  const second = await store(sql, { tenant_id, address })
  t.not(second.customer_id, first.customer_id)
  const third = await store(sql, { tenant_id, address: '555@lid' })
  t.equal(third.conversation_id, first.conversation_id, 'the other address still does')
})

t.test('an address that moved to another customer leads to that one', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const first = await store(sql, { tenant_id, address })
  const other = await store(sql, { tenant_id, address: newPhone() })
  await sql`
    update pigeonpost.customer_identities set customer_id = ${other.customer_id}
    where tenant_id = ${tenant_id} and address = ${address}`
  for (const given of [address, address.slice(1)]) {
    const next = await store(sql, { tenant_id, address: given })
    t.equal(next.customer_id, other.customer_id)
    t.not(next.conversation_id, first.conversation_id)
  }
})

t.test('a customer who is added with an address is who writes from it', async (t) => {
  const tenant_id = newTenant()
  const [customer] = await sql<{ id: string }[]>`
    insert into pigeonpost.customers (tenant_id, external_type, external_id, name)
    values (${tenant_id}, 'WhatsApp', '27 83 555 0001', 'Ann') returning id`
  const message = await store(sql, { tenant_id, address: '+27835550001' })
  t.equal(message.customer_id, customer?.id)
  await refuses(
    t,
    sql`insert into pigeonpost.customers (tenant_id, external_type, external_id)
      values (${tenant_id}, 'whatsapp', '+27835550001')`,
    { code: '23505', constraint: 'customer_identities_pkey' },
    'a second customer with it is refused',
  )
})

t.test('addresses have one spelling', async (t) => {
  const phone = '+27831234567'
  const spellings: [channel: string, given: string | null, expected: string | null][] = [
    ['whatsapp', '27831234567@s.whatsapp.net', phone],
    ['whatsapp', '27831234567:12@s.whatsapp.net', phone],
    ['whatsapp', '27831234567_1:12@s.whatsapp.net', phone],
    ['whatsapp', '27831234567@c.us', phone],
    ['whatsapp', '27831234567@S.WhatsApp.net', phone],
    ['whatsapp', '+27831234567@s.whatsapp.net', phone],
    ['whatsapp', '+27 83 123 4567', phone],
    ['whatsapp', '+27 (83) 123-4567', phone],
    ['whatsapp', '+27.83.123.4567', phone],
    ['whatsapp', '0027831234567', phone],
    ['whatsapp', '00 27 83 123 4567', phone],
    ['whatsapp', '27831234567', phone],
    ['whatsapp', ' +27831234567\n', phone],
    ['whatsapp', 'whatsapp:+27831234567', phone],
    ['WhatsApp', '27831234567', phone],
    ['sms', 'tel:+27-83-123-4567', phone],
    ['sms', '+44 (0)20 7946 0958', '+442079460958'],
    ['sms', '31000', '31000'],
    ['sms', '12 34', '1234'],
    ['sms', 'ACME', 'ACME'],
    ['whatsapp', '81234567890123@lid', '81234567890123@lid'],
    ['whatsapp', '81234567890123:7@lid', '81234567890123@lid'],
    ['whatsapp', '120363041234567890@g.us', '120363041234567890@g.us'],
    ['fakechat', '27831234567', phone],
    ['email', 'Ann Bee <Ann.Bee@Example.COM>', 'ann.bee@example.com'],
    ['email', ' ANN@example.com ', 'ann@example.com'],
    ['email', '"Bee, Ann" <ann@example.com> ', 'ann@example.com'],
    ['telegram', '123456789', '123456789'],
    ['telegram', '@AnnBee', '@AnnBee'],
    ['discord', ' 80351110224678912 ', '80351110224678912'],
    ['whatsapp', '', null],
    ['whatsapp', ' \t\r\n', null],
    ['email', '<>', null],
    ['email', null, null],
  ]
  for (const [channel, given, expected] of spellings) {
    const [row] = await sql`select pigeonpost.normalize_address(${channel}, ${given}) as address`
    t.equal(row?.['address'], expected, `${channel} ${JSON.stringify(given)}`)
  }
})

t.test('a spelling that is one already changes no more, however odd', async (t) => {
  // An address that changed twice would be looked up by one spelling and kept by another, for ever.
  const parts = [
    '',
    '+',
    '00',
    'tel:',
    ' ',
    '\t',
    '<',
    '>',
    '(0)',
    '(',
    ':1',
    '_2',
    '@',
    '\u00a0',
    '2783123',
    'aB',
  ]
  const [row] = await sql`
    with part as (select unnest(${parts}::text[]) as text),
    odd as (
      select channel, pigeonpost.normalize_address(channel, a.text || b.text || c.text || d.text) as once
      from part a, part b, part c, part d, unnest(array['whatsapp', 'email']) channel),
    twice as materialized (select *, pigeonpost.normalize_address(channel, once) as twice from odd)
    select count(*) as tried, array_agg((channel, once, twice)::text) filter (where once is distinct from twice) as changed
    from twice`
  t.ok(Number(row?.['tried']) > 10_000)
  t.strictSame(row?.['changed'], null)
})

t.test('channels have one spelling too', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const first = await store(sql, { tenant_id, channel: ' WhatsApp', address })
  const second = await store(sql, { tenant_id, channel: 'WHATSAPP', address })
  const third = await store(sql, { tenant_id, channel: 'whatsapp', address })
  t.equal(first.channel, 'whatsapp')
  t.equal(second.conversation_id, first.conversation_id)
  t.equal(third.conversation_id, first.conversation_id)
  t.equal(await countRows(sql, 'accounts', tenant_id), 1)
})

t.test('what is left out is filled in', async (t) => {
  const tenant_id = newTenant()
  const message = await store(sql, { tenant_id, address: newPhone() })
  const [row] = await sql`select * from pigeonpost.messages where tenant_id = ${tenant_id}`
  t.match(row, {
    id: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/,
    channel: 'whatsapp',
    content_type: 'text',
    metadata: {},
    raw: null,
    priority: 0,
    attempts: 0,
    body_version: 1,
    is_processed: false,
    is_from_bot: false,
  })
  t.equal(message.occurred_at.getTime(), message.created_at.getTime())
})

t.test('the status follows from direction and external id', async (t) => {
  const soon = new Date(Date.now() + 3_600_000)
  const past = new Date(Date.now() - 3_600_000)
  const cases: [title: string, row: Row, expected: Row][] = [
    ['inbound is delivered', {}, { status: 'delivered' }],
    ['inbound may have been read before it came', { status: 'read' }, { status: 'read' }],
    ['inbound is never queued', { status: 'queued' }, { status: 'delivered' }],
    ['inbound is never scheduled', { scheduled_for: soon }, { status: 'delivered' }],
    [
      'outbound without an external id is queued',
      { direction: 'outbound' },
      { status: 'queued', sent_at: null },
    ],
    [
      'an empty external id is none',
      { direction: 'outbound', external_message_id: '' },
      { status: 'queued', external_message_id: null },
    ],
    [
      'outbound with one was sent by its bridge',
      { direction: 'outbound', external_message_id: newId() },
      { status: 'sent' },
    ],
    [
      'and is not sent again, whatever it says',
      { direction: 'outbound', external_message_id: newId(), status: 'queued' },
      { status: 'sent' },
    ],
    [
      'its bridge may know more',
      { direction: 'outbound', external_message_id: newId(), status: 'read' },
      { status: 'read' },
    ],
    [
      'what is due later is queued, too',
      { direction: 'outbound', scheduled_for: soon, status: 'scheduled' },
      { status: 'queued' },
    ],
    [
      'what was due is queued',
      { direction: 'outbound', scheduled_for: past },
      { status: 'queued' },
    ],
    [
      'nobody inserts a message that is being sent',
      { direction: 'outbound', status: 'sending' },
      { status: 'queued' },
    ],
    ['system is delivered and never sent', { direction: 'system' }, { status: 'delivered' }],
    ['system is never queued', { direction: 'system', status: 'queued' }, { status: 'delivered' }],
    ['attempts start at none', { direction: 'outbound', attempts: 5 }, { attempts: 0 }],
  ]
  const tenant_id = newTenant()
  const address = newPhone()
  for (const [title, row, expected] of cases) {
    // Once for an address that is new, once for one that is known: two paths, one answer.
    for (const to of [newPhone(), address]) {
      t.match(
        await store(sql, {
          tenant_id,
          address: to,
          ...row,
          ...(row['external_message_id'] ? { external_message_id: newId() } : {}),
        }),
        expected,
        title,
      )
    }
  }
})

t.test('times: what was sent occurred when it was sent', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const sent_at = new Date('2024-12-09T18:20:00Z')
  for (const direction of ['inbound', 'system']) {
    const message = await store(sql, { tenant_id, address, direction, sent_at })
    t.strictSame(message.occurred_at, sent_at)
    t.strictSame(message.delivered_at, message.created_at)
  }
  const sent = await store(sql, {
    tenant_id,
    address,
    direction: 'outbound',
    external_message_id: newId(),
    sent_at,
  })
  t.strictSame(sent.occurred_at, sent_at)
  const queued = await store(sql, { tenant_id, address, direction: 'outbound' })
  t.strictSame(queued.occurred_at, queued.created_at)
  t.equal(queued.sent_at, null)
  const imported = await store(sql, { tenant_id, address, created_at: sent_at })
  t.strictSame(
    [imported.occurred_at, imported.sent_at, imported.delivered_at],
    [sent_at, sent_at, sent_at],
  )
})

t.test('inbound bodies are sanitized', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const bodies: [given: string | null, expected: string | null][] = [
    ['a\u0001b\u0008c\u001fd', 'abcd'],
    ['tab\tand\nnewline', 'tab\tand\nnewline'],
    ['two\r\nlines', 'two\nlines'],
    ['\u007f \u0085 ünïcödé 😀 \u200d', '\u007f \u0085 ünïcödé 😀 \u200d'],
    ['', ''],
    [null, null],
    ['x'.repeat(1_048_576), 'x'.repeat(1_048_576)],
  ]
  for (const to of [address, address, newPhone()]) {
    for (const [given, expected] of bodies) {
      const message = await store(sql, { tenant_id, address: to, body: given })
      t.ok(message.body === expected, JSON.stringify(given?.slice(0, 30)))
    }
  }
  const outbound = await store(sql, { tenant_id, address, direction: 'outbound', body: 'a\r\nb' })
  t.equal(outbound.body, 'a\nb')
})

t.test('both paths of the trigger leave the same row', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  await store(sql, { tenant_id, address })
  const rows: Row[] = [
    {},
    { status: 'read' },
    { sent_at: new Date('2025-01-01T00:00:00Z') },
    { created_at: new Date('2025-01-01T00:00:00Z') },
    {
      body: 'x',
      metadata: { a: 1 },
      raw: { b: [null] },
      content_type: 'image',
      media_url: 'https://example.com/a',
      is_from_bot: true,
    },
    {
      is_processed: true,
      priority: 3,
      campaign_id: 'c',
      valid_until: new Date('2030-01-01T00:00:00Z'),
    },
  ]
  const own = new Set([
    'id',
    'number',
    'external_message_id',
    'created_at',
    'updated_at',
    'occurred_at',
    'sent_at',
    'delivered_at',
  ])
  for (const row of rows) {
    const compare = (message: object): Row =>
      Object.fromEntries(
        Object.entries(message).filter(
          ([key, value]) => !own.has(key) || (row[key] !== undefined && value instanceof Date),
        ),
      )
    const usual = await store(sql, { tenant_id, address, ...row })
    const longer = await store(sql, { tenant_id, address: address.slice(1), ...row })
    t.same(compare(longer), compare(usual), JSON.stringify(row))
  }
})

t.test('generated lead ids start above 32 bits, given ones may be any', async (t) => {
  const tenant_id = newTenant()
  await store(sql, { tenant_id, address: newPhone() })
  const [made] = await sql<
    { lead_id: number }[]
  >`select lead_id from pigeonpost.customers where tenant_id = ${tenant_id}`
  t.ok(made && made.lead_id >= 2 ** 32)
  for (const lead_id of [1, 2 ** 31, 2 ** 40, 2 ** 53 - 1]) {
    const message = await store(sql, { tenant_id, lead_id })
    const [customer] = await sql`
      select lead_id from pigeonpost.customers where tenant_id = ${tenant_id} and id = ${message.customer_id}`
    t.equal(customer?.['lead_id'], lead_id)
    t.equal((await store(sql, { tenant_id, lead_id })).customer_id, message.customer_id)
  }
})

t.test('a second copy is stored nowhere', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const external_message_id = newId()
  const first = await store(sql, { tenant_id, address, external_message_id, body: 'first' })
  const events = await countRows(sql, 'events', tenant_id)
  for (const given of [address, address.slice(1), `${address.slice(1)}@s.whatsapp.net`]) {
    t.equal(
      await deliver(sql, { tenant_id, address: given, external_message_id, body: 'second' }),
      undefined,
    )
  }
  t.equal(
    await deliver(sql, { tenant_id, customer_id: first.customer_id, external_message_id }),
    undefined,
  )
  t.equal(
    await deliver(sql, { tenant_id, conversation_id: first.conversation_id, external_message_id }),
    undefined,
  )
  await sql`insert into pigeonpost.messages ${sql({ tenant_id, address, direction: 'inbound', external_message_id })} on conflict do nothing`
  t.strictSame(
    (await sql`select body from pigeonpost.messages where tenant_id = ${tenant_id}`).map(
      (row) => row['body'] as string,
    ),
    ['first'],
  )
  t.equal(await countRows(sql, 'events', tenant_id), events)
  await refuses(
    t,
    sql`insert into pigeonpost.messages ${sql({ tenant_id, address, direction: 'inbound', external_message_id })}`,
    { code: '23505', constraint: 'messages_external_id_is_unique' },
    'without `on conflict` it is an error',
  )
  await rule(
    t,
    sql,
    'by a constraint',
    'alter table pigeonpost.messages drop constraint messages_external_id_is_unique',
    (tx) =>
      isRefused(
        tx,
        (tx) =>
          tx`insert into pigeonpost.messages ${tx({ tenant_id, address, direction: 'inbound', external_message_id })}`,
      ),
  )
  const twice = newId()
  const stored = await sql`
    insert into pigeonpost.messages ${sql([1, 2, 3].map(() => ({ tenant_id, address, direction: 'inbound', external_message_id: twice })))}
    on conflict (tenant_id, external_message_id, conversation_id) do nothing returning id`
  t.equal(stored.length, 1, 'also within one statement')
  const other = await store(sql, { tenant_id, address: newPhone(), external_message_id })
  t.not(other.conversation_id, first.conversation_id, 'another chat may use the same id')
})

t.test('the canonical insert does not swallow an idempotency key that clashes', async (t) => {
  const tenant_id = newTenant()
  const row = { tenant_id, address: newPhone(), direction: 'outbound', idempotency_key: 'k' }
  await store(sql, row)
  await refuses(
    t,
    deliver(sql, row),
    { code: '23505', constraint: 'messages_idempotency_key_is_unique' },
    'the same key',
  )
  await store(sql, { ...row, tenant_id: newTenant() })
})

t.test('a redelivery after archiving opens no thread', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const external_message_id = newId()
  const first = await store(sql, { tenant_id, address, external_message_id })
  const [archived] =
    await sql`select pigeonpost.archive_thread(${tenant_id}, ${first.thread_id}) as done`
  t.equal(archived?.['done'], true)
  for (const given of [address, address.slice(1)]) {
    t.equal(await deliver(sql, { tenant_id, address: given, external_message_id }), undefined)
  }
  t.strictSame(await threads(tenant_id), ['archived'])
  const next = await store(sql, { tenant_id, address })
  t.not(next.thread_id, first.thread_id)
  t.strictSame(await threads(tenant_id), ['archived', 'active'])
  const [again] =
    await sql`select pigeonpost.archive_thread(${tenant_id}, ${first.thread_id}) as done`
  t.equal(again?.['done'], false)
})

t.test(
  'a redelivery after closing does not reopen, a new message in either direction does',
  async (t) => {
    for (const direction of ['inbound', 'outbound', 'system']) {
      const tenant_id = newTenant()
      const address = newPhone()
      const external_message_id = newId()
      const first = await store(sql, { tenant_id, address, external_message_id })
      await sql`update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant_id}`
      t.strictSame(await threads(tenant_id), ['archived'], 'closing archives the thread')
      t.equal(await deliver(sql, { tenant_id, address, external_message_id }), undefined)
      t.strictSame(await statuses(tenant_id), ['closed'])
      const next = await store(sql, { tenant_id, address, direction })
      t.strictSame(await statuses(tenant_id), ['open'], direction)
      t.strictSame(await threads(tenant_id), ['archived', 'active'])
      t.equal(next.conversation_id, first.conversation_id)
    }
  },
)

t.test('an insert that is rolled back leaves nothing', async (t) => {
  const tenant_id = newTenant()
  await sql
    .begin(async (tx) => {
      await store(tx as never, { tenant_id, address: newPhone() })
      throw new Error('no')
    })
    .catch(() => {})
  for (const table of [
    'tenants',
    'accounts',
    'customers',
    'conversations',
    'threads',
    'messages',
    'events',
  ]) {
    t.equal(await countRows(sql, table, tenant_id), 0, table)
  }
})

t.test(
  'a message that names no account takes the default, else the first, else one that appears',
  async (t) => {
    const tenant_id = newTenant()
    const appeared = await store(sql, { tenant_id, channel: 'telegram', address: '1' })
    t.match(await accounts(tenant_id), [
      {
        id: appeared.account_id,
        channel: 'telegram',
        provider: null,
        status: 'connected',
        rate_per_minute: 20,
        burst: 1,
        daily_limit: 1000,
      },
    ])
    const fake = await store(sql, { tenant_id, channel: 'fakechat', address: newPhone() })
    t.match(
      (await accounts(tenant_id)).find(({ id }) => id === fake.account_id),
      { provider: 'fakechat' },
    )

    const [first, second] = await sql<{ id: string }[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address, created_at)
    values (${tenant_id}, 'sms', '+1 555 000 1000', now()), (${tenant_id}, 'sms', '15550001001', now() + interval '1 s') returning id`
    t.equal(
      (await store(sql, { tenant_id, channel: 'sms', address: newPhone() })).account_id,
      first?.id,
      'the first',
    )
    await sql`update pigeonpost.accounts set is_default = true where tenant_id = ${tenant_id} and id = ${second?.id ?? ''}`
    t.equal(
      (await store(sql, { tenant_id, channel: 'sms', address: newPhone() })).account_id,
      second?.id,
      'the default',
    )
    const address = newPhone()
    const byFirst = await store(sql, { tenant_id, channel: 'sms', account_id: first?.id, address })
    const bySecond = await store(sql, {
      tenant_id,
      channel: 'sms',
      account_id: second?.id,
      address,
    })
    t.equal(byFirst.account_id, first?.id)
    t.equal(byFirst.customer_id, bySecond.customer_id)
    t.not(
      byFirst.conversation_id,
      bySecond.conversation_id,
      'each account has its own conversation',
    )
  },
)

t.test(
  'a disabled account sends nothing and loses nothing; a disconnected one waits',
  async (t) => {
    const tenant_id = newTenant()
    const address = newPhone()
    const first = await store(sql, { tenant_id, address })
    await sql`update pigeonpost.accounts set status = 'disabled' where tenant_id = ${tenant_id}`
    for (const row of [
      { address },
      { address: newPhone() },
      { customer_id: first.customer_id },
      { conversation_id: first.conversation_id },
      { account_id: first.account_id, address },
      { address, scheduled_for: new Date(Date.now() + 60_000) },
    ]) {
      await refuses(
        t,
        store(sql, { tenant_id, direction: 'outbound', ...row }),
        {
          code: 'PPA02',
          constraint: 'messages_account_is_enabled',
          column: 'account_id',
          hint: /Enable the account/,
        },
        Object.keys(row).join(),
      )
    }
    t.equal(await countRows(sql, 'customers', tenant_id), 1, 'a refused message leaves no customer')
    t.equal((await store(sql, { tenant_id, address })).status, 'delivered', 'inbound is kept')
    const echo = await store(sql, {
      tenant_id,
      address,
      direction: 'outbound',
      external_message_id: newId(),
    })
    t.equal(echo.status, 'sent', 'what was sent already is kept')
    t.equal((await store(sql, { tenant_id, address, direction: 'system' })).status, 'delivered')
    await sql`update pigeonpost.accounts set status = 'disconnected' where tenant_id = ${tenant_id}`
    t.equal((await store(sql, { tenant_id, address, direction: 'outbound' })).status, 'queued')
  },
)

t.test('an account tells when it is connected, and when it is not', async (t) => {
  const tenant_id = newTenant()
  await store(sql, { tenant_id, address: newPhone() })
  for (const status of ['disconnected', 'disconnected', 'disabled', 'connected']) {
    await sql`update pigeonpost.accounts set status = ${status} where tenant_id = ${tenant_id}`
  }
  const events = await sql`
    select e.type, e.account_id = a.id as own from pigeonpost.event_log e join pigeonpost.accounts a on a.tenant_id = e.tenant_id
    where e.tenant_id = ${tenant_id} and e.type like 'account.%' order by e.id`
  t.strictSame(
    events.map(({ type, own }) => [type, own] as unknown[]),
    ['disconnected', 'disabled', 'connected'].map((status) => [`account.${status}`, true]),
  )
})

t.test('an edit keeps the old text, the new one, and who did it', async (t) => {
  const tenant_id = newTenant()
  const { id, conversation_id, customer_id } = await store(sql, {
    tenant_id,
    address: newPhone(),
    body: 'one',
  })
  const edit = (body: string | null): Promise<unknown> =>
    sql`update pigeonpost.messages set body = ${body} where tenant_id = ${tenant_id} and id = ${id}`
  await edit('two')
  await edit('two')
  await edit(null)
  await edit('three')
  const history = await sql`
    select * from pigeonpost.message_history where tenant_id = ${tenant_id} order by body_version`
  t.match(
    history.map((row) => ({ ...row })),
    [
      { body_version: 2, previous_body: 'one', body: 'two' },
      { body_version: 3, previous_body: 'two', body: null },
      { body_version: 4, previous_body: null, body: 'three' },
    ].map((row) => ({
      ...row,
      kind: 'edit',
      message_id: id,
      conversation_id,
      customer_id,
      direction: 'inbound',
      edited_by: 'pigeonpost',
    })),
  )
  t.equal(history.length, 3, 'saying the same again is no edit')
  const edits = await sql`
    select payload ->> 'version' as version from pigeonpost.event_log
    where tenant_id = ${tenant_id} and type = 'message.edited' order by id`
  t.strictSame(
    edits.map((row) => row['version'] as string),
    ['2', '3', '4'],
  )
  await rule(
    t,
    sql,
    'by a trigger',
    'drop trigger "500_history" on pigeonpost.messages',
    async (tx) => {
      await tx`update pigeonpost.messages set body = 'four' where tenant_id = ${tenant_id}`
      return (await countRows(tx, 'message_history', tenant_id)) === 4
    },
  )
})

t.test('a status, a flag or a receipt is no edit', async (t) => {
  const tenant_id = newTenant()
  await store(sql, { tenant_id, address: newPhone(), body: 'one' })
  await sql`update pigeonpost.messages set status = 'read', is_processed = true, metadata = '{"a": 1}' where tenant_id = ${tenant_id}`
  t.equal(await countRows(sql, 'message_history', tenant_id), 0)
})

t.test('two tenants with the same lead, address and message ids never meet', async (t) => {
  const [one, two] = [newTenant(), newTenant()]
  const address = newPhone()
  const rows: Row[] = [
    { lead_id: 5001, external_message_id: 'same' },
    { address, external_message_id: 'same-2' },
    { conversation_external_id: '123@g.us', address, external_message_id: 'same-3' },
  ]
  for (const row of rows) {
    const first = await store(sql, { ...row, tenant_id: one })
    const second = await store(sql, { ...row, tenant_id: two })
    for (const column of [
      'account_id',
      'conversation_id',
      'thread_id',
      'sender_customer_id',
      'number',
    ] as const) {
      t.not(first[column], second[column], column)
    }
  }
  for (const tenant of [one, two]) t.equal(await countRows(sql, 'messages', tenant), 3)
})

t.test('COPY brings rows like any insert', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const copy = sql`copy pigeonpost.messages (tenant_id, direction, address, external_message_id, body) from stdin`
  const stream = await copy.writable()
  stream.write(
    `${tenant_id}\tinbound\t${address}\tc1\tone\n${tenant_id}\tinbound\t${address.slice(1)}\tc2\ttwo\n`,
  )
  await new Promise<void>((resolve, reject) => {
    stream.once('error', reject)
    stream.end(() => resolve())
  })
  t.equal(await countRows(sql, 'messages', tenant_id), 2)
  t.equal(await countRows(sql, 'threads', tenant_id), 1)
})

t.test('mark_processed tells how many were not yet', async (t) => {
  const tenant_id = newTenant()
  const ids = [
    await store(sql, { tenant_id, address: newPhone() }),
    await store(sql, { tenant_id, address: newPhone() }),
  ].map(({ id }) => id)
  const mark = async (tenant: number): Promise<unknown> =>
    (await sql`select pigeonpost.mark_processed(${tenant}, ${ids}::uuid[]) as count`)[0]?.['count']
  t.equal(await mark(newTenant()), 0, 'another tenant marks none')
  t.equal(await mark(tenant_id), 2)
  t.equal(await mark(tenant_id), 0)
})

async function threads(tenant: number): Promise<string[]> {
  const rows = await sql<
    { status: string }[]
  >`select status from pigeonpost.threads where tenant_id = ${tenant} order by number`
  return rows.map(({ status }) => status)
}

async function statuses(tenant: number): Promise<string[]> {
  const rows = await sql<
    { status: string }[]
  >`select status from pigeonpost.conversations where tenant_id = ${tenant}`
  return rows.map(({ status }) => status)
}

async function accounts(tenant: number): Promise<Row[]> {
  return sql`select * from pigeonpost.accounts where tenant_id = ${tenant} order by created_at`
}
