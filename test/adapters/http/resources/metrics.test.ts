import t from 'tap'
import { testApi } from '../support/api.ts'

t.test('GET /metrics is for Prometheus, and tells a tenant of its own alone', async (t) => {
  const { sql, api, makeKey } = await testApi(t, { own: true })
  await sql`
    insert into pigeonpost.accounts (tenant_id, channel, address) values (1, 'sms', '+15550001111'), (2, 'sms', '+15550002222')`
  await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, body)
    values (1, 'sms', 'outbound', '+27831234567', 'secret'), (1, 'sms', 'outbound', '+27831234567', 'secret'),
      (2, 'sms', 'outbound', '+27831234568', 'secret')`
  await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, content_type)
    values (1, 'sms', 'inbound', '+27831234567', 'in', 'image')`
  await sql`update pigeonpost.outbox set due_at = now() - interval '2 minutes'`
  const read = async (key: string) => {
    const answer = await fetch(`${api.url}/metrics`, {
      headers: { authorization: `Bearer ${key}` },
    })
    return {
      status: answer.status,
      type: answer.headers.get('content-type'),
      text: await answer.text(),
    }
  }
  const { key } = await makeKey({ scopes: ['metrics'] })
  const mine = await read(key)
  t.equal(mine.status, 200)
  t.match(mine.type, /^text\/plain; version=0\.0\.4/)
  const [account] = await sql`select id from pigeonpost.accounts where tenant_id = 1`
  const of = `tenant="1",account="${account?.['id']}",channel="sms"`
  const lines = mine.text.split('\n')
  for (const line of [
    'pigeonpost_messages{tenant="1"} 3',
    'pigeonpost_messages_by_status{tenant="1",status="queued"} 2',
    'pigeonpost_messages_by_status{tenant="1",status="failed"} 0',
    'pigeonpost_messages_by_direction{tenant="1",direction="inbound"} 1',
    'pigeonpost_messages_by_type{tenant="1",type="image"} 1',
    'pigeonpost_delivery_ratio{tenant="1"} Nan',
    `pigeonpost_account_messages{${of},state="waiting"} 2`,
    `pigeonpost_account_messages{${of},state="completed"} 0`,
    `pigeonpost_account_sent_per_minute{${of}} 0`,
    'pigeonpost_accounts_left_out{tenant="1"} 0',
  ]) {
    t.ok(lines.includes(line), line)
  }
  const oldest = lines.find((line) =>
    line.startsWith(`pigeonpost_account_oldest_waiting_seconds{${of}} `),
  )
  t.ok(Math.abs(Number(oldest?.split(' ').at(-1)) - 120) < 20, oldest ?? 'no line')
  t.notMatch(mine.text, /tenant="2"|\+?15550001111|\+?27831234567|secret/)

  const theirs = await read((await makeKey({ tenantId: 2 })).key)
  t.match(theirs.text, 'pigeonpost_messages{tenant="2"} 1')
  t.notMatch(theirs.text, 'tenant="1"')

  t.equal((await read((await makeKey({ scopes: ['messages:read'] })).key)).status, 403)
  t.equal((await read('')).status, 401)
})

t.test('GET /metrics tells what waits to be done with files, and for how long', async (t) => {
  const { sql, api, makeKey } = await testApi(t, { own: true })
  await sql`
    insert into pigeonpost_private.media_tasks (tenant_id, kind, subject, attempts, created_at, due_at)
    values (1, 'scan', 'a', 7, now() - interval '10 minutes', now() + interval '5 minutes'),
      (1, 'scan', 'b', 0, now(), now()), (1, 'fetch', 'c', 0, now() - interval '1 minute', now()),
      (1, 'delete', 'folder:d', 0, now() + interval '1 day', now() + interval '1 day'),
      (2, 'scan', 'e', 9, now() - interval '1 hour', now())`
  const { key } = await makeKey({ scopes: ['metrics'] })
  const answer = await fetch(`${api.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
  const lines = (await answer.text()).split('\n')
  for (const [kind, tasks, seconds] of [
    ['scan', 2, 600],
    ['fetch', 1, 60],
    ['delete', 0, 0],
  ] as const) {
    const of = `{tenant="1",kind="${kind}"} `
    t.ok(lines.includes(`pigeonpost_media_tasks${of}${tasks}`), `${tasks} of ${kind}`)
    const name = `pigeonpost_media_oldest_task_seconds${of}`
    const oldest = lines.find((line) => line.startsWith(name))?.slice(name.length)
    t.ok(Math.abs(Number(oldest) - seconds) < 20, oldest ?? 'no line')
  }
})

t.test('so many accounts have series of their own, the rest are counted', async (t) => {
  const { sql, api, makeKey } = await testApi(t, { own: true })
  await sql`
    insert into pigeonpost.accounts (tenant_id, channel, address) select 1, 'email', i || '@example.com' from generate_series(1, 203) i`
  await sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body)
    select 1, id, 'email', 'outbound', 'a@example.com', 'x' from pigeonpost.accounts`
  const { key } = await makeKey()
  const answer = await fetch(`${api.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
  const text = await answer.text()
  t.equal(text.match(/^pigeonpost_account_sent_per_minute\{/gm)?.length, 200)
  t.match(text, 'pigeonpost_accounts_left_out{tenant="1"} 3')
  t.notMatch(text, '@example.com')
})
