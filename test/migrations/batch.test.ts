import t, { type Test } from 'tap'
import { beginSending } from '../support/outbox.ts'
import { coreDatabase, receive } from '../support/sql.ts'

const core = await coreDatabase(t)
const { sql } = core

type Row = Record<string, unknown>
type Answer = { ordinal: number; outcome: string; id: string; constraint_name: string | null }

// Which rows came with the large statement: for those alone the row triggers stand back.
await sql.unsafe(`
  create table public.by_batch (id uuid);
  grant all on public.by_batch to public;
  create function public.note() returns trigger language plpgsql as $$
  begin
    if current_user = 'pigeonpost_ingest' then insert into public.by_batch values (new.id); end if;
    return null;
  end $$;
  create trigger "001_note" after insert on pigeonpost.messages for each row execute function public.note()`)

const ingest = async (rows: Row[]): Promise<Answer[]> => [
  ...(await sql<Answer[]>`select * from pigeonpost.ingest(${sql.json(rows as never)})`),
]

/** How many of them went by the large statement. */
async function batched(answers: Answer[]): Promise<number> {
  const ids = answers.map(({ id }) => id)
  const [row] = await sql`select count(*)::int as n from public.by_batch where id = any (${ids})`
  return row?.['n']
}

const many = (count: number, make: (n: number) => Row): Row[] =>
  Array.from({ length: count }, (_, n) => make(n))

let tenant = 200

/** Stores `first`, then 20 like it, and expects all of those to go by one statement. */
async function takesBatch(t: Test, make: (n: number) => Row): Promise<Row[]> {
  tenant += 1
  const tenant_id = tenant
  for (const n of [0, 1, 2, 3]) await ingest([{ tenant_id, ...make(n) }])
  const answers = await ingest(many(20, (n) => ({ tenant_id, ...make(n + 4) })))
  t.ok(
    answers.every(({ outcome }) => outcome === 'stored'),
    JSON.stringify(answers.find(({ outcome }) => outcome !== 'stored')),
  )
  t.equal(await batched(answers), 20, 'by the large statement')
  const again = await ingest(many(20, (n) => ({ tenant_id, ...make(n + 4) })))
  const copies = again.filter(({ outcome }) => outcome === 'duplicate')
  t.same(
    copies.map(({ id }) => id),
    copies.map(({ ordinal }) => answers[ordinal - 1]?.id),
    'a copy is answered with the row that was there',
  )
  const rows = await sql<Row[]>`
    select m.*, c.type, c.external_id as chat from pigeonpost.messages m
    join pigeonpost.conversations c on c.id = m.conversation_id
    where m.tenant_id = ${tenant} and m.id = any (${answers.map(({ id }) => id)}) order by m.number`
  return [...rows]
}

const inbound = (n: number, more: Row): Row => ({
  direction: 'inbound',
  external_message_id: `m${n}`,
  body: `No. ${n}`,
  ...more,
})

t.test('each shape whose conversation is here takes the large statement', async (t) => {
  const shapes: Record<string, [(n: number) => Row, Row]> = {
    'a phone': [(n) => inbound(n, { address: `+2783111000${n % 4}` }), { type: 'direct' }],
    'a JID': [
      (n) => inbound(n, { address: `2783111000${n % 4}@s.whatsapp.net` }),
      { address: '+27831110000' },
    ],
    'a Telegram id': [
      (n) => inbound(n, { channel: 'telegram', address: `1234${n % 4}` }),
      { type: 'direct', address: '12340' },
    ],
    'a mail': [
      (n) => inbound(n, { channel: 'email', address: 'Ann <Ann@x.test>' }),
      { address: 'ann@x.test' },
    ],
    'a mail thread': [
      (n) =>
        inbound(n, {
          channel: 'email',
          address: 'ann@x.test',
          conversation_external_id: `root${n % 4}`,
        }),
      { chat: 'root0', conversation_external_id: 'root0' },
    ],
    'a group': [
      (n) => inbound(n, { address: `+2783111000${n % 4}`, conversation_external_id: '1@g.us' }),
      { type: 'group', customer_id: null, address: '+27831110000' },
    ],
    'a LID beside its phone': [
      (n) => inbound(n, { address: `+2783111000${n % 4}`, alternate_address: `${n % 4}@lid` }),
      { alternate_address: '0@lid' },
    ],
    'a file': [
      (n) =>
        inbound(n, { address: '+27831110000', content_type: 'image', media_url: 'https://x.test' }),
      { content_type: 'image' },
    ],
    'what goes out': [
      (n) => ({ direction: 'outbound', address: `+2783111000${n % 4}`, body: `No. ${n}` }),
      { status: 'queued', sender_customer_id: null },
    ],
    'what went out': [
      (n) => ({ direction: 'outbound', address: '+27831110000', external_message_id: `m${n}` }),
      { status: 'sent' },
    ],
    'what goes out to a group': [
      (n) =>
        n < 4
          ? inbound(n, { address: '+27831110000', conversation_external_id: '1@g.us' })
          : { direction: 'outbound', conversation_external_id: '1@g.us', body: `No. ${n}` },
      { type: 'group', address: '1@g.us', status: 'queued' },
    ],
    'a note': [
      (n) => ({ direction: 'system', address: '+27831110000', body: `No. ${n}` }),
      { status: 'delivered' },
    ],
  }
  for (const [name, [make, expected]] of Object.entries(shapes)) {
    await t.test(name, async (t) => t.match((await takesBatch(t, make))[0], expected))
  }
})

t.test(
  'what lacks a conversation has it opened once, and goes by the large statement',
  async (t) => {
    const tenant_id = 330
    const shapes: Record<string, (n: number) => Row> = {
      'new people': (n) => inbound(n, { address: `+2783222000${n % 4}` }),
      'new mail threads of one person': (n) =>
        inbound(n, {
          channel: 'email',
          address: 'ann@x.test',
          conversation_external_id: `root${n % 4}`,
        }),
      'new groups of new people': (n) =>
        inbound(n + 20, {
          address: `+2783333000${n % 4}`,
          conversation_external_id: `${n % 4}@g.us`,
          metadata: { sender_name: `Ann ${n}` },
        }),
      'what goes out to new people': (n) => ({
        direction: 'outbound',
        address: `+2783444000${n % 4}`,
        body: `No. ${n}`,
      }),
    }
    for (const channel of ['whatsapp', 'email'])
      await ingest([{ tenant_id, ...inbound(99, { channel, address: '+27830000000' }) }])
    for (const [name, make] of Object.entries(shapes)) {
      const answers = await ingest(many(20, (n) => ({ tenant_id, ...make(n) })))
      t.same([...new Set(answers.map(({ outcome }) => outcome))], ['stored'], name)
      t.equal(await batched(answers), 20, `${name}, by the large statement`)
      const ids = answers.map(({ id }) => id)
      const [told] = await sql`
      select count(distinct conversation_id)::int as conversations, array_agg(body order by number) as bodies
      from pigeonpost.messages where id = any (${ids})`
      t.equal(told?.['conversations'], 4, name)
      t.same(
        told?.['bodies'],
        many(20, make).map(({ body }) => body),
        `${name}, numbered in their order`,
      )
    }
    t.same(
      [
        ...(await sql`
        select count(*)::int as n, count(name)::int as named from pigeonpost.customers where tenant_id = ${tenant_id}`),
      ],
      [{ n: 15, named: 4 }],
      'no customer twice, and with the first name',
    )
  },
)

t.test('what is refused has no conversation opened', async (t) => {
  await receive(sql, { tenant: 331, id: 'first' })
  await sql`update pigeonpost.accounts set status = 'disabled' where tenant_id = 331`
  const make = (n: number) => ({
    tenant_id: 331,
    direction: 'outbound',
    address: `+2783555000${n}`,
    body: 'Hi',
  })
  const answers = await ingest(many(4, make))
  t.same(
    answers.map(({ constraint_name }) => constraint_name),
    Array.from({ length: 4 }, () => 'messages_account_is_enabled'),
  )
  t.equal((await sql`select from pigeonpost.customers where tenant_id = 331`).length, 1)
})

t.test('of copies the first is stored, though it alone goes the long way', async (t) => {
  const first = await receive(sql, { tenant: 332, id: 'first' })
  const { address, customer_id } = (
    await sql`select address, customer_id from pigeonpost.messages where id = ${first?.id ?? ''}`
  )[0] as Row
  const make = (n: number): Row => ({ tenant_id: 332, ...inbound(n, { address }) })
  const copies = [{ ...make(1), customer_id, body: 'first' }, make(1)]
  const answers = await ingest([...copies, ...many(4, (n) => make(n + 2))])
  t.same(
    answers.map(({ outcome }) => outcome),
    ['stored', 'duplicate', 'stored', 'stored', 'stored', 'stored'],
  )
  t.equal(answers[0]?.id, answers[1]?.id)
  t.match(await sql`select body from pigeonpost.messages where id = ${answers[0]?.id ?? ''}`, [
    { body: 'first' },
  ])
})

t.test('up to three go by the plain insert', async (t) => {
  await receive(sql, { tenant: 300, id: 'first' })
  const make = (n: number) => ({ tenant_id: 300, ...inbound(n, { address: '+27831234567' }) })
  t.equal(await batched(await ingest(many(3, make))), 0)
  t.equal(await batched(await ingest(many(4, (n) => make(n + 10)))), 4)
})

t.test('one that cannot be stored sends its batch the long way, and no further', async (t) => {
  await receive(sql, { tenant: 301, id: 'first' })
  await sql.unsafe(`
    create function public.poison() returns trigger language plpgsql as $$
    begin
      if new.body = 'poison' then raise exception 'the inside' using errcode = 'XX000'; end if;
      return new;
    end $$;
    create trigger "001_poison" before insert on pigeonpost.messages for each row execute function public.poison()`)
  const rows = many(10, (n) => ({
    tenant_id: 301,
    ...inbound(n, { address: '+27831234567', body: n === 6 ? 'poison' : 'wholesome' }),
  }))
  const answers = await ingest(rows)
  t.match(answers[6], { outcome: 'refused', code: 'XX000', message: 'the inside' })
  t.equal(answers.filter(({ outcome }) => outcome === 'stored').length, 9)
})

for (const size of [1, 6]) {
  /** One message beside others, by the plain insert or by the large statement. */
  const store = async (row: Row): Promise<Answer> => {
    const others = many(size - 1, (n) => ({
      ...row,
      external_message_id: `other ${n} ${String(row['external_message_id'])}`,
      metadata: {},
    }))
    const answers = await ingest([row, ...others])
    return answers[0] as Answer
  }
  const find = async (id: string): Promise<Row> =>
    (await sql<Row[]>`select * from pigeonpost.messages where id = ${id}`)[0] ?? {}
  const tenant_id = 310 + size

  t.test(`what is answered is found by its external id, in a batch of ${size}`, async (t) => {
    const say = (n: number, more: Row = {}): Row => ({
      tenant_id,
      ...inbound(n, { address: '+27831234567', ...more }),
    })
    const one = await store(say(1))
    const two = await store(say(2, { reply_to_external_id: 'm1' }))
    const three = await store(say(3, { reply_to_external_id: ['gone', 'm2', 'm1'] }))
    const four = await store(say(4, { reply_to_external_id: ['gone'] }))
    t.equal((await find(two.id))['reply_to_id'], one.id)
    t.equal((await find(three.id))['reply_to_id'], two.id)
    t.equal((await find(four.id))['reply_to_id'], null)
  })

  t.test(`a time that cannot be is marked, in a batch of ${size}`, async (t) => {
    const cases = {
      '2199-01-01T00:00:00Z': 'future',
      '1970-01-01T00:00:00Z': 'past',
      '2019-01-01T00:00:00Z': undefined,
    }
    for (const [sent_at, expected] of Object.entries(cases)) {
      const { id } = await store({
        tenant_id,
        ...inbound(0, { address: '+27831234567', external_message_id: sent_at, sent_at }),
      })
      t.equal(((await find(id)) as { metadata: Row }).metadata['sent_at_is'], expected)
    }
  })

  t.test(`a stub is filled in by its copy, in a batch of ${size}`, async (t) => {
    const row = {
      tenant_id,
      ...inbound(0, { address: '+27831234567', external_message_id: 'stub' }),
    }
    const stub = await store({ ...row, body: null, metadata: { stub: true } })
    t.match(await store({ ...row, body: null, metadata: { stub: true } }), { outcome: 'duplicate' })
    t.match(await find(stub.id), { body: null, metadata: { stub: true } })
    t.match(await store({ ...row, body: 'Hello', metadata: { a: 1 } }), {
      outcome: 'duplicate',
      id: stub.id,
    })
    t.match(await find(stub.id), { body: 'Hello', metadata: { a: 1, stub: undefined } })
    await store({ ...row, body: 'Another' })
    t.match(await find(stub.id), { body: 'Hello' }, 'once')
  })

  t.test(`an echo folds into the row that was sent, in a batch of ${size}`, async (t) => {
    const [queued] = await sql`
      insert into pigeonpost.messages (tenant_id, direction, address, body) values (${tenant_id}, 'outbound', '+27831234567', 'Hi') returning id`
    const attempt = `0193a5b0-7c00-7000-8000-00000000000${size}`
    await beginSending(sql, queued?.['id'], { attemptId: attempt })
    const echo = {
      tenant_id,
      direction: 'outbound',
      address: '+27831234567',
      external_message_id: 'echo',
      body: 'Hi',
      reference: attempt,
    }
    t.match(await store(echo), { outcome: 'duplicate', id: queued?.['id'] })
    t.match(await find(queued?.['id']), { status: 'sent', external_message_id: 'echo' })
    t.match(await store({ ...echo, external_message_id: 'else', reference: 'of another' }), {
      outcome: 'stored',
    })
  })
}

t.test('answers in one batch find what they answer, whatever their order', async (t) => {
  await receive(sql, { tenant: 320, id: 'first' })
  const rows = [3, 1, 2, 4, 5].map((n) => ({
    tenant_id: 320,
    ...inbound(n, { address: '+27831234567', ...(n > 1 && { reply_to_external_id: `m${n - 1}` }) }),
  }))
  await ingest(rows)
  t.same(
    [
      ...(await sql`
      select m.external_message_id as id, p.external_message_id as answers from pigeonpost.messages m
      left join pigeonpost.messages p on p.id = m.reply_to_id where m.tenant_id = 320 and m.external_message_id <> 'first' order by 1`),
    ],
    [1, 2, 3, 4, 5].map((n) => ({ id: `m${n}`, answers: n > 1 ? `m${n - 1}` : null })),
  )
})
