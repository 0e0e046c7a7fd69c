import t from 'tap'
import { createReceiver } from '../../../adapters/inbound/queue.ts'
import { waitFor } from '../../support/wait.ts'
import { testApi } from '../http/support/api.ts'
import { createPipeline } from '../channels/lab.ts'

const noon = 1_793_620_800

function chat(id: string, body = `This is ${id}`, from = '+27831234567') {
  const message = { id, type: 'text', content: body, timestamp: noon }
  return { platform: 'fakechat', user: { id: from }, message }
}

function sms(id: string, from = '+18045550001', to = '+12016661234') {
  const rest = { type: 'sms', body: `This is ${id}`, attachments: null, timestamp: noon }
  return { from, to, messaging_provider_id: id, ...rest }
}

const many = (count: number, make: (n: number) => unknown, channel = 'fakechat') =>
  Array.from({ length: count }, (_, n) => ({ channel, payload: make(n) }))

/** Whatever has this body cannot be stored, for a reason that is not its own. */
const poison = `
  create function public.poison() returns trigger language plpgsql as $$
  begin
    if new.body = 'poison' then raise exception 'the inside' using errcode = 'XX000'; end if;
    return new;
  end $$;
  create trigger "001_poison" before insert on pigeonpost.messages for each row execute function public.poison()`

t.test('sixty webhooks at once share transactions, and each gets its own answer', async (t) => {
  const { sql, store } = await createPipeline(t)
  const answers = await store(
    many(60, (n) => chat(`m${n}`, `No. ${n}`, `+2783123${1000 + (n % 20)}`)),
  )
  for (const [n, answer] of answers.entries()) {
    t.match(answer, {
      status: 'processed',
      messages: [{ externalMessageId: `m${n}`, duplicate: false }],
      duplicates: 0,
    })
    const [kept] =
      await sql`select body, status from pigeonpost.webhook_inbox where id = ${answer.inboxId}`
    t.match(JSON.parse(String(kept?.['body'])), { message: { id: `m${n}` } })
    const [message] =
      await sql`select body from pigeonpost.messages where id = ${answer.messageIds[0] ?? null}`
    t.equal(message?.['body'], `No. ${n}`)
  }
  const [row] = await sql`
    select count(*)::int as kept, count(distinct xmin::text)::int as transactions from pigeonpost.webhook_inbox`
  t.equal(row?.['kept'], 60)
  t.ok(row?.['transactions'] <= 6, `${row?.['transactions']} transactions`)
})

t.test('one that the database refuses fails by itself, and forty-nine are stored', async (t) => {
  const { sql, store } = await createPipeline(t)
  const answers = await store(
    many(50, (n) => sms(`s${n}`, n === 30 ? '+12' : `+1804555${1000 + n}`), 'sms'),
  )
  t.match(answers[30], {
    status: 'failed',
    messages: [],
    error: { name: 'InvalidInputError', code: String, field: 'address', message: String },
  })
  t.same(
    answers.filter(({ status }) => status === 'failed').length,
    1,
    'and no other is answered so',
  )
  const failed = await sql`
    select id, error_code, error_field, error_message, processed_at from pigeonpost.webhook_inbox where status = 'failed'`
  t.match(failed, [
    {
      id: answers[30]?.inboxId,
      error_code: answers[30]?.error?.code,
      error_field: 'address',
      error_message: answers[30]?.error?.message,
      processed_at: null,
    },
  ])
  const stored = await sql`select external_message_id as id from pigeonpost.messages`
  t.same(
    stored.map(({ id }) => String(id)).toSorted(),
    Array.from({ length: 50 }, (_, n) => `s${n}`)
      .filter((id) => id !== 's30')
      .toSorted(),
  )
})

t.test('one whose storing throws does not sink the others', async (t) => {
  const { sql, store } = await createPipeline(t)
  await sql.unsafe(poison)
  const answers = await store(many(50, (n) => chat(`p${n}`, n === 30 ? 'poison' : 'wholesome')))
  t.match(answers[30], {
    status: 'failed',
    error: { name: 'PigeonpostError', code: 'internal_error' },
  })
  t.equal(answers.filter(({ status }) => status === 'processed').length, 49)
  t.equal((await sql`select from pigeonpost.messages where body = 'wholesome'`).length, 49)
  t.match(
    await sql`select body, error_message from pigeonpost.webhook_inbox where status = 'failed'`,
    [{ error_message: /the inside/ }],
  )
})

t.test('what is found wrong at the commit alone is kept with its error as well', async (t) => {
  const { sql, store } = await createPipeline(t)
  await sql.unsafe(`
    create function public.late() returns trigger language plpgsql as $$
    begin
      if new.body = 'late' then raise exception 'too late' using errcode = '23514', constraint = 'is_in_time'; end if;
      return null;
    end $$;
    create constraint trigger late after insert on pigeonpost.messages deferrable initially deferred
      for each row execute function public.late()`)
  const answers = await store(many(5, (n) => chat(`l${n}`, n === 3 ? 'late' : 'in time')))
  t.match(answers[3], {
    status: 'failed',
    error: { name: 'InvalidInputError', code: 'is_in_time' },
  })
  t.equal((await sql`select from pigeonpost.messages where body = 'in time'`).length, 4)
  t.match(await sql`select error_code from pigeonpost.webhook_inbox where status = 'failed'`, [
    { error_code: 'is_in_time' },
  ])
})

t.test('the same delivery five times at once is one row of the inbox', async (t) => {
  const { sql, store } = await createPipeline(t)
  const answers = await store(many(5, () => chat('again')))
  t.equal(new Set(answers.map(({ inboxId }) => inboxId)).size, 1)
  t.equal(new Set(answers.flatMap(({ messageIds }) => messageIds)).size, 1)
  t.equal(
    answers.reduce((sum, { duplicates }) => sum + duplicates, 0),
    4,
  )
  t.match(await sql`select id, status, attempts from pigeonpost.webhook_inbox`, [
    { id: answers[0]?.inboxId, status: 'processed', attempts: 1 },
  ])
  t.equal((await sql`select from pigeonpost.messages`).length, 1)
})

t.test('two tenants at once never mix', async (t) => {
  const { sql, store } = await createPipeline(t)
  const answers = await store(
    Array.from({ length: 40 }, (_, n) => ({
      tenantId: (n % 2) + 1,
      channel: 'fakechat',
      payload: chat(`m${Math.floor(n / 2)}`, `of ${(n % 2) + 1}`),
    })),
  )
  t.ok(answers.every(({ status, duplicates }) => status === 'processed' && duplicates === 0))
  const rows = await sql`
    select m.tenant_id, count(*)::int as count, count(distinct external_message_id)::int as ids, min(body) as least, max(body) as most
    from pigeonpost.messages m group by 1 order by 1`
  t.same(
    [...rows],
    [1, 2].map((tenant_id) => {
      const body = `of ${tenant_id}`
      return { tenant_id, count: 20, ids: 20, least: body, most: body }
    }),
  )
  const mixed = await sql`
    select xmin::text from pigeonpost.webhook_inbox group by xmin::text having count(distinct tenant_id) > 1`
  t.same([...mixed], [], 'one transaction writes one tenant')
  for (const [n, { inboxId }] of answers.entries()) {
    const [row] =
      await sql`select tenant_id, body from pigeonpost.webhook_inbox where id = ${inboxId}`
    t.equal(row?.['tenant_id'], (n % 2) + 1)
    t.match(String(row?.['body']), `of ${(n % 2) + 1}`)
  }
})

t.test('a delivery that failed and comes again tells what became of it', async (t) => {
  const { sql, store } = await createPipeline(t)
  await sql.unsafe(poison)
  const once = async () => {
    const [answer] = await store([{ channel: 'fakechat', payload: chat('sick', 'poison') }])
    const rows = await sql`
      select id, status, attempts, error_code, error_message, processed_at, received_at, xmin from pigeonpost.webhook_inbox`
    t.equal(rows.length, 1)
    t.equal(rows[0]?.['id'], answer?.inboxId)
    return rows[0] ?? {}
  }
  t.match(await once(), { status: 'failed', attempts: 1, error_code: 'internal_error' })
  t.match(await once(), { status: 'failed', attempts: 2, error_code: 'internal_error' })
  await sql`drop trigger "001_poison" on pigeonpost.messages`
  const healed = await once()
  t.match(healed, { status: 'processed', attempts: 3, error_code: null, error_message: null })
  t.ok(healed['processed_at'])
  t.same(await once(), healed, 'once processed, it stays as it is')
})

t.test('a field of any name is kept beside its error', async (t) => {
  const { sql, store } = await createPipeline(t)
  const { messaging_provider_id: _, ...rest } = sms('x')
  const payload = { ...rest, 'odd\u0000\ud800_id': 'x'.repeat(300) }
  const [answer] = await store([{ channel: 'sms', payload }])
  t.match(answer, { status: 'failed', error: { code: 'payload_unreadable' } })
  t.match(await sql`select error_field, body from pigeonpost.webhook_inbox`, [
    { error_field: /^odd.*_id$/ },
  ])
})

t.test(
  'a database that is cut off loses nothing that was taken, and doubles nothing',
  async (t) => {
    const { sql, database, post } = await testApi(t, { own: true })
    const send = async (from: number, to: number) =>
      Promise.all(
        Array.from({ length: to - from }, async (_, i) => {
          const id = `c${from + i}`
          const { status } = await post('/api/webhooks/fakechat', chat(id))
          return { id, status }
        }),
      )
    const before = await send(0, 10)
    t.ok(before.every(({ status }) => status === 200))

    const blocker = database.connect({ max: 1 })
    const held = await blocker.reserve()
    await held`begin`
    await held`lock table pigeonpost.messages in exclusive mode`
    const sending = send(10, 60)
    const waiting = () => sql<{ pid: number }[]>`
    select pid from pg_stat_activity where datname = current_database()
      and application_name = 'pigeonpost api webhooks' and wait_event_type = 'Lock'`
    await waitFor(async () => (await waiting()).length === 2, { what: 'both lanes under way' })
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name like 'pigeonpost api%'`
    await held`rollback`
    held.release()
    const during = await sending
    t.ok(
      during.some(({ status }) => status !== 200),
      'some were under way',
    )
    t.ok(during.every(({ status }) => [200, 500, 503].includes(status)))
    const stored = async () => {
      const rows = await sql`select external_message_id as id from pigeonpost.messages`
      return rows.map(({ id }) => String(id)).toSorted()
    }
    const there = new Set(await stored())
    for (const { id, status } of [...before, ...during]) {
      if (status === 200) t.ok(there.has(id), `${id} was taken`)
    }

    const again = await send(0, 60)
    t.ok(
      again.every(({ status }) => status === 200),
      'the server has gone on',
    )
    t.same(await stored(), Array.from({ length: 60 }, (_, n) => `c${n}`).toSorted())
    t.equal((await sql`select from pigeonpost.webhook_inbox`).length, 60)
    t.equal((await sql`select from pigeonpost.threads`).length, 1)
  },
)

t.test('behind a database that cannot be reached a batch is not tried one by one', async (t) => {
  let tries = 0
  const receiver = createReceiver({
    run: async () => {
      tries += 1
      throw Object.assign(new Error('no answer'), { code: 'CONNECT_TIMEOUT' })
    },
  })
  const at = '/api/webhooks/fakechat'
  const opened = await Promise.all(
    Array.from({ length: 60 }, async (_, n) =>
      receiver.open({
        tenantId: 1,
        channel: 'fakechat',
        request: {
          method: 'POST',
          url: at,
          path: at,
          query: {},
          receivedAt: new Date(),
          headers: {},
          body: Buffer.from(JSON.stringify(chat(`u${n}`))),
        },
      }),
    ),
  )
  const settled = await Promise.allSettled(opened.map(async (one) => receiver.store(one)))
  t.ok(settled.every(({ status }) => status === 'rejected'))
  t.ok(tries <= 12, `${tries} tries`)
})
