import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { waitFor } from '../../../support/wait.ts'
import { errorOf, testApi } from '../support/api.ts'
import { withPeople } from '../support/people.ts'
import { watchRoutes } from '../support/routes.ts'
import { samplesOf } from '../support/samples.ts'

const root = join(import.meta.dirname, '..', '..', '..', '..')
const replayed = 'idempotency-replayed'
const ann = { name: 'Ann', metadata: { plan: 'gold', seats: 2 } }

/** All that a request may change. */
async function worldOf({ sql }: Pick<Awaited<ReturnType<typeof testApi>>, 'sql'>) {
  const tables = ['customers', 'customer_identities', 'accounts', 'conversations', 'api_keys']
    .concat(['conversation_participants', 'threads', 'messages', 'events', 'idempotent_requests'])
    .map(
      (name) =>
        `select '${name} ' || (to_jsonb(r) - 'last_used_at')::text as row from pigeonpost.${name} r`,
    )
  const rows = await sql.unsafe<{ row: string }[]>(tables.join(' union all '))
  return rows.map(({ row }) => row).toSorted()
}

t.test(
  'every POST but webhooks answers a repeated request as before, and does nothing',
  async (t) => {
    const routes = watchRoutes()
    const people = await withPeople(t)
    const { post, say, sql, addAccount, addCustomer, makeKey } = people
    const said = await say('+27831234567')
    const stuck = async (status: string) => {
      const row = {
        tenant_id: 1,
        channel: 'fakechat',
        direction: 'outbound',
        address: '+27831234560',
      }
      const [message] = await sql`insert into pigeonpost.messages ${sql(row)} returning id`
      await sql`update pigeonpost.messages set status = ${status} where id = ${message?.['id']}`
      return String(message?.['id'])
    }
    const queued = async () => {
      const row = {
        tenant_id: 1,
        channel: 'fakechat',
        direction: 'outbound',
        address: '+27831234560',
      }
      const [message] = await sql`insert into pigeonpost.messages ${sql(row)} returning id`
      return String(message?.['id'])
    }
    const group = await post('/conversations', { type: 'group', groupName: 'x' })
    const asked: Record<string, [path: string, body: unknown][]> = {
      '/accounts': [['/api/v1/accounts', { channel: 'sms', address: '+27820000001' }]],
      '/accounts/:id/${verb}': ['disconnect', 'connect', 'disable', 'enable'].map((verb) => [
        `/api/v1/accounts/${people.accountId}/${verb}`,
        undefined,
      ]),
      '/conversations': [
        ['/conversations', { type: 'direct', address: '+27831234567', channel: 'fakechat' }],
        ['/api/conversations', { type: 'group', groupName: 'Friends', channel: 'sms' }],
      ],
      '/conversations/:id/${verb}': ['close', 'reopen', 'pending'].map((verb) => [
        `/api/v1/conversations/${said['conversation_id']}/${verb}`,
        undefined,
      ]),
      '/conversations/:id/participants': [
        [`/conversations/${group.body.data.id}/participants`, { address: '+27831230001' }],
      ],
      '/conversations/:id/threads/current/archive': [
        [`/conversations/${said['conversation_id']}/threads/current/archive`, undefined],
      ],
      '/threads/:id/archive': [
        [`/api/v1/threads/${(await say('+27831230002'))['thread_id']}/archive`, undefined],
      ],
      '/customers/:id/merge': [
        [`/api/v1/customers/${await addCustomer()}/merge`, { into: await addCustomer() }],
      ],
      '/messages/:id/retry': [[`/api/v1/messages/${await stuck('failed')}/retry`, undefined]],
      '/messages/:id/cancel': [[`/api/v1/messages/${await queued()}/cancel`, {}]],
      '/messages/:id/resolve': [
        [`/api/v1/messages/${await stuck('unknown')}/resolve`, { status: 'failed' }],
      ],
      '/messages/retry': [['/api/v1/messages/retry', { ids: [await stuck('failed')] }]],
      '/messages': [
        [
          '/api/v1/messages',
          { to: '+27831234567', content: 'Hi', accountId: await addAccount({ address: '+1' }) },
        ],
      ],
      '/messages/sms': [
        [
          '/api/messages/sms',
          { from: '+15550002000', to: '+27831234567', type: 'sms', body: 'Hi' },
        ],
      ],
      '/messages/email': [
        ['/api/messages/email', { from: 'us@example.org', to: 'ann@example.org', body: 'Hi' }],
      ],
      '/keys/:id/rotate': [[`/api/v1/keys/${(await makeKey()).id}/rotate`, undefined]],
    }
    const posts = await postsOfSources()
    for (const path of Object.keys(asked)) t.ok(posts.includes(path), path)
    // All others with the body that samples.ts has for them, of a row that nobody else here asks for.
    const ids: Record<string, () => Promise<unknown>> = {
      accounts: async () => addAccount({ address: '+2' }),
      conversations: async () => (await say('+27831230003'))['conversation_id'],
      customers: addCustomer,
      keys: async () => (await makeKey()).id,
      messages: queued,
      threads: async () => (await say('+27831230004'))['thread_id'],
    }
    const sampleOf = samplesOf({ accountId: people.accountId, customerId: await addCustomer() })
    for (const path of posts.filter((one) => !(one in asked))) {
      const route = ['/api/v1', '/api', '']
        .map((prefix) => routes.get(`POST ${prefix}${path}`))
        .find((one) => one !== undefined)
      const id = await ids[path.split('/')[1] ?? '']?.()
      if (!route) t.fail(`${path} is not served`)
      else asked[path] = [[route.url.replace(':id', String(id)), sampleOf(route)]]
    }

    let n = 0
    for (const [path, body] of Object.values(asked).flat()) {
      const key = { 'idempotency-key': `request-${(n += 1)}` }
      const first = await post(path, body, key)
      t.ok([200, 201, 202].includes(first.status), `${path} ${JSON.stringify(first.body)}`)
      t.equal(first.headers.get(replayed), null)
      const before = await worldOf(people)
      const second = await post(path, body, key)
      t.equal(second.status, first.status, path)
      t.equal(second.headers.get(replayed), 'true', path)
      t.equal(second.headers.get('content-type'), first.headers.get('content-type'))
      if (first.body.data?.key) first.body.data.key = null
      t.same(second.body, first.body, path)
      t.same(await worldOf(people), before, `${path} changes nothing the second time`)
      const other = await post(path, { ...(body as object), colour: 'red' }, key)
      t.equal(other.status, 400, `${path}: what is wrong is told first`)
    }
  },
)

/** The paths of all `routes.post(` under adapters/http/resources. */
async function postsOfSources(): Promise<string[]> {
  const folder = join(root, 'adapters', 'http', 'resources')
  const names = await readdir(folder, { recursive: true })
  const texts = await Promise.all(
    names
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFile(join(folder, name), 'utf8')),
  )
  return [...texts.join('\n').matchAll(/routes\.post\(\s*['`]([^'`]+)['`]/g)]
    .map(([, path = '']) => path)
    .toSorted()
}

t.test('a key that comes with another request is refused', async (t) => {
  const { post, sql } = await testApi(t)
  await sql`insert into pigeonpost.accounts (tenant_id, channel) values (1, 'fakechat')`
  const key = { 'idempotency-key': 'k' }
  const first = await post('/api/v1/customers', ann, key)
  const refused = async (path: string, body: unknown, headers = key) => {
    const answer = await post(path, body, headers)
    t.equal(answer.status, 409, `${path} ${JSON.stringify(body)}`)
    t.match(errorOf(t, answer), { code: 'idempotency_key_reused', fields: ['Idempotency-Key'] })
  }
  await refused('/api/v1/customers', { ...ann, name: 'Bob' })
  await refused('/api/v1/customers', { ...ann, metadata: { plan: 'gold' } })
  await refused('/api/customers', ann)
  await refused(`/api/v1/customers/${first.body.data.id}/identities`, {
    channel: 'email',
    address: 'a@b.c',
  })
  await refused('/api/v1/messages', { to: '+27831234567', content: 'Hi' })
  await refused('/api/messages/email', {
    from: 'us@example.org',
    to: 'ann@example.org',
    body: 'Hi',
  })
  t.equal((await sql`select from pigeonpost.messages`).length, 0)
  t.equal((await sql`select from pigeonpost.customers`).length, 1)

  const message = { 'idempotency-key': 'm' }
  t.equal(
    (await post('/api/v1/messages', { to: '+27831234567', content: 'Hi' }, message)).status,
    202,
  )
  await refused('/api/v1/customers', ann, message)

  const same = { metadata: { seats: 2, plan: 'gold' }, name: 'Ann' }
  t.same((await post('/api/v1/customers', same, key)).body, first.body, 'names have no order')
  for (const wrong of ['', 'x'.repeat(256), 'ä']) {
    const answer = await post('/api/v1/customers', ann, { 'idempotency-key': wrong })
    t.match(errorOf(t, answer), { code: 'invalid_input', fields: ['idempotency-key'] }, wrong)
  }
})

t.test('a key is the tenant’s: its API keys share it, other tenants do not', async (t) => {
  const { post, makeKey } = await testApi(t)
  const as = async (given: Parameters<typeof makeKey>[0]) => ({
    authorization: `Bearer ${(await makeKey(given)).key}`,
    'idempotency-key': 'k',
  })
  const first = await post('/api/v1/customers', ann, await as({}))
  const again = await post('/api/v1/customers', ann, await as({ scopes: ['customers:write'] }))
  t.equal(again.headers.get(replayed), 'true')
  t.same(again.body, first.body)
  t.equal((await post('/api/v1/customers', ann, await as({ scopes: ['webhooks'] }))).status, 403)
  const theirs = await post('/api/v1/customers', { name: 'Bob' }, await as({ tenantId: 2 }))
  t.equal(theirs.status, 201)
  t.equal(theirs.headers.get(replayed), null)
})

t.test('an error is not kept: the request may be tried again', async (t) => {
  const { post, sql } = await testApi(t)
  const key = { 'idempotency-key': 'k' }
  const body = { identities: [{ channel: 'email', address: 'a@b.c' }] }
  const path = '/api/v1/customers'
  await post(path, body)
  t.equal(errorOf(t, await post(path, body, key)).code, 'identity_taken')
  t.same(await sql`select from pigeonpost.idempotent_requests`, [])
  await sql`delete from pigeonpost.customer_identities`
  const answer = await post(path, body, key)
  t.equal(answer.status, 201)
  t.equal(answer.headers.get(replayed), null)
})

/** Holds up whoever writes customers until `release`. */
async function hold(
  t: Test,
  { database, sql }: Pick<Awaited<ReturnType<typeof testApi>>, 'database' | 'sql'>,
) {
  const locked = await database.connect({ max: 1 }).reserve()
  await locked`begin`
  await locked`lock table pigeonpost.customers in share mode`
  const waiting = () => sql<{ pid: number }[]>`
    select pid from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database() order by query_start`
  const waitForHeld = async (count: number) =>
    waitFor(async () => (await waiting()).length === count, { what: `${count} that are held up` })
  let held = true
  const release = async () => {
    if (!held) return
    held = false
    await locked`rollback`
    locked.release()
  }
  t.teardown(release)
  return { waiting, waitForHeld, release }
}

t.test('of two at once with one key the second waits, and gets the first’s answer', async (t) => {
  const api = await testApi(t)
  const { post, sql } = api
  const { waitForHeld, release } = await hold(t, api)
  const key = { 'idempotency-key': 'k' }
  const first = post('/api/v1/customers', ann, key)
  await waitForHeld(1)
  const second = post('/api/v1/customers', ann, key)
  const third = post('/api/v1/customers', { name: 'Bob' }, key)
  await waitForHeld(3)
  await release()
  const [one, two, three] = [await first, await second, await third]
  t.equal(one.status, 201)
  t.equal(two.status, 201)
  t.same(two.body, one.body)
  t.same(
    [one, two].map(({ headers }) => headers.get(replayed)),
    [null, 'true'],
  )
  t.equal(errorOf(t, three).code, 'idempotency_key_reused')
  t.equal((await sql`select from pigeonpost.customers`).length, 1)
})

t.test('a request that is cut off in its work leaves its key to the next', async (t) => {
  const api = await testApi(t)
  const { post, sql } = api
  const { waiting, waitForHeld, release } = await hold(t, api)
  const key = { 'idempotency-key': 'k' }
  const first = post('/api/v1/customers', ann, key)
  await waitForHeld(1)
  const second = post('/api/v1/customers', ann, key)
  await waitForHeld(2)
  const [victim] = await waiting()
  await sql`select pg_terminate_backend(${victim?.pid ?? 0})`
  t.equal((await first).status, 503)
  await release()
  const answer = await second
  t.equal(answer.status, 201)
  t.equal(answer.headers.get(replayed), null, 'which did the work')
  t.equal((await sql`select from pigeonpost.customers`).length, 1)
  t.match(await sql`select key, status from pigeonpost.idempotent_requests`, [
    { key: 'k', status: 201 },
  ])
})

t.test('a transaction that Postgres breaks off is run again under its key', async (t) => {
  const { post, sql } = await testApi(t, { own: true })
  await sql.unsafe(`
    create sequence public.tries;
    grant usage on sequence public.tries to public;
    create function public.break_off() returns trigger language plpgsql as $$
    begin
      if nextval('public.tries') = 1 then raise exception 'try again' using errcode = '40001'; end if;
      return null;
    end $$;
    create trigger zzz after insert on pigeonpost.customers for each row execute function public.break_off()`)
  const answer = await post('/api/v1/customers', ann, { 'idempotency-key': 'k' })
  t.equal(answer.status, 201)
  t.match(await sql`select last_value from public.tries`, [{ last_value: 2 }])
  t.equal((await sql`select from pigeonpost.customers`).length, 1)
})

t.test(
  'no secret is kept: a new key is shown once, and a repeated request tells the rest',
  async (t) => {
    const { post, sql, makeKey, get } = await testApi(t)
    const { id } = await makeKey({ name: 'old', scopes: ['webhooks'] })
    for (const [path, body] of [
      ['/api/v1/keys', { name: 'new', scopes: ['messages:read'] }],
      [`/api/v1/keys/${id}/rotate`, {}],
    ] as const) {
      const key = { 'idempotency-key': path }
      const first = await post(path, body, key)
      t.match(first.body.data.key, /^pp_1_[\w-]{43}$/)
      const secret = first.body.data.key.slice('pp_1_xxxx'.length)
      const again = await post(path, body, key)
      t.same(again.body.data, { ...first.body.data, key: null })
      const kept = await sql`select r::text as text from pigeonpost.idempotent_requests r`
      t.notMatch(kept.map(({ text }) => text).join(), secret)
      const answer = await get('/api/v1/messages/1', {
        authorization: `Bearer ${first.body.data.key}`,
      })
      t.ok([403, 404].includes(answer.status), 'the first one works')
    }
  },
)
