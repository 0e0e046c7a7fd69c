import t from 'tap'
import type { Db } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { countRows, deliver, newPhone, type Row, store } from '../support/messages.ts'
import { isRefused, refusal, refuses, rule } from '../support/rules.ts'
import { contents } from '../support/schema.ts'
import { beginSending } from '../support/outbox.ts'

const db = await testDatabase(t)
const { sql, login } = db
const address = '+27830000001'

/** Two tenants with everything in them; what is said to belong to the second must stay out of reach. */
const mine = await furnish(1)
const theirs = await furnish(2)
const bridge = await login(['pigeonpost_bridge'], [1])
const reader = await login(['pigeonpost_reader'], [1])
const app = await login(['pigeonpost_app'])
const worker = await login(['pigeonpost_bridge', 'pigeonpost_reader', 'pigeonpost_app'], [1])
const bridgeRole = bridge.role

/** A message that anyone may make up names what is theirs. */
function mediaOfTheirs(name: string): string {
  return `select pigeonpost_private.${name}(jsonb_populate_record(null::pigeonpost.messages, '${JSON.stringify({ tenant_id: 2, id: theirs.id, media_id: theirs.media_id })}'))`
}

type Enter = <T>(work: (tx: Db) => Promise<T>) => Promise<T>
/** Each role in a transaction of its own, bound to tenant 1. */
const roles: Record<string, Enter> = {
  bridge: (work) => bridge.begin((tx) => work(tx as Db)) as never,
  reader: (work) => reader.begin((tx) => work(tx as Db)) as never,
  app: (work) =>
    app.begin(async (tx) => {
      await tx`select set_config('pigeonpost.tenant', '1', true)`
      return work(tx as Db)
    }) as never,
  'all three': (work) =>
    worker.begin(async (tx) => {
      await tx`select set_config('pigeonpost.tenant', '1', true)`
      return work(tx as Db)
    }) as never,
  'the superuser as a bridge': (work) =>
    sql.begin(async (tx) => {
      await tx.unsafe(`set local role ${bridgeRole}`)
      return work(tx as Db)
    }) as never,
}

t.test('no role reaches another tenant by any table or view', async (t) => {
  const relations = await sql<{ name: string; columns: string }[]>`
    select c.relnamespace::regnamespace::text || '.' || c.relname as name, (
      select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
    from pg_class c
    where (c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) or c.relname like 'et\\_%')
      and c.relkind in ('r', 'p', 'v')
      and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
    order by 1`
  t.ok(relations.length > 20)
  const before = await contents(sql)
  for (const { name, columns } of relations) {
    const [sample] = await sql.unsafe<{ row: string; count: number }[]>(
      `select (select to_jsonb(x)::text from ${name} x where tenant_id = 2 limit 1) as row, count(*) as count from ${name} where tenant_id = 2`,
    )
    const empty = [
      'pigeonpost.ingest_batches',
      'pigeonpost_private.given_messages',
      'pigeonpost.events_p1',
      'pigeonpost.events_default',
    ]
    if (!empty.includes(name)) t.ok(sample?.row, `${name} holds something of theirs`)
    const row = sample?.row ?? '{"tenant_id": 2}'
    for (const [who, enter] of Object.entries(roles)) {
      const attempt = async (
        statement: string,
        values: string[] = [],
      ): Promise<string | number> => {
        let answer: string | number = ''
        const refused = await refusal(
          enter(async (tx) => {
            const rows = await tx.unsafe(statement, values)
            answer = statement.startsWith('select') ? Number(rows[0]?.['count']) : rows.count
          }),
        )
        return refused?.code ?? answer
      }
      const seen = await attempt(`select count(*) as count from ${name} where tenant_id = 2`)
      t.ok(seen === 0 || seen === '42501', `${who} reads ${name}: ${seen}`)
      const all = await attempt(`select count(*) as count from ${name} where tenant_id <> 1`)
      t.ok(
        all === 0 || all === '42501' || (name.endsWith('tenant_roles') && all === 0),
        `${who} reads ${name} of all others: ${all}`,
      )
      const changed = await attempt(`update ${name} set tenant_id = tenant_id where tenant_id = 2`)
      t.ok(
        changed === 0 || changed === '42501' || changed === '55000',
        `${who} updates ${name}: ${changed}`,
      )
      const deleted = await attempt(`delete from ${name} where tenant_id = 2`)
      t.ok(
        deleted === 0 || deleted === '42501' || deleted === '55000',
        `${who} deletes from ${name}: ${deleted}`,
      )
      const inserted = await attempt(
        `insert into ${name} (${columns}) select ${columns} from jsonb_populate_record(null::${name}, $1::text::jsonb)`,
        [row],
      )
      // Nobody inserts into et_threads: threads open by themselves (PPC01).
      t.ok(
        ['42501', 'PPT01', '55000', 'PPC01'].includes(String(inserted)),
        `${who} inserts into ${name}: ${inserted}`,
      )
    }
  }
  t.same(await contents(sql), before, 'nothing is written')
})

/** Webhooks of the other tenant's, with one thing in each. */
function received(name: string, toItems: (item: string) => string): string[] {
  return [
    '"inbox": {"channel": "x", "method": "POST", "path": "/", "headers": {}, "body": "", "digest": "eA=="}',
    `"messages": [{"tenant_id": 2, "direction": "inbound", "address": "${address}", "external_message_id": "new"}]`,
    '"updates": [{"channel": "whatsapp", "id": "new", "said": {"kind": "revoke"}}]',
    `"identities": [{"channel": "whatsapp", "address": "${address}", "alternate_address": "1@lid"}]`,
    '"groups": [{"channel": "whatsapp", "external_id": "1@g.us", "name": "ours"}]',
  ].map((part) => `select pigeonpost_private.${name}(2, ${toItems(`{${part}}`)})`)
}

/** What each function would do to the other tenant. */
const calls: Record<string, string[]> = {
  read_counts: [
    'select * from pigeonpost_private.read_counts(2)',
    'select * from pigeonpost_private.read_counts()',
  ],
  unfolded_ids: ['select pigeonpost_private.unfolded_ids(2)'],
  counter_changes: ['select * from pigeonpost_private.counter_changes(2, 0, 1000)'],
  last_message_at: [
    `select pigeonpost_private.last_message_at(2, '${theirs.conversation_id}', null)`,
    `select pigeonpost_private.last_message_at(2, null, '${theirs.customer_id}')`,
  ],
  exact_counters: [
    `select * from pigeonpost_private.exact_counters(2, '${theirs.conversation_id}', null)`,
    `select * from pigeonpost_private.exact_counters(2, null, '${theirs.customer_id}')`,
  ],
  number_ranges: ['select * from pigeonpost_private.number_ranges(2, null, null)'],
  sent_since: ["select * from pigeonpost_private.sent_since(2, '2020-01-01')"],
  count_changes: ['select * from pigeonpost_private.count_changes(2, 0, 1000)'],
  folded_id: ['select pigeonpost_private.folded_id(2)'],
  clock: ['select pigeonpost_private.clock()'],
  day_start: ["select pigeonpost_private.day_start('2026-01-01', 'UTC')"],
  iso_8601: ['select pigeonpost_private.iso_8601(now())'],
  take_rate: [`select * from pigeonpost_private.take_rate(2, '${theirs.account_id}', 1)`],
  give_back_rate: [`select pigeonpost_private.give_back_rate(2, '${theirs.account_id}', 1)`],
  take_day: [`select * from pigeonpost_private.take_day(2, '${theirs.account_id}', 1, now())`],
  accept_message: [`select pigeonpost_private.accept_message(2, '${theirs.id}')`],
  choose_provider: ["select pigeonpost_private.choose_provider('[]', null, null, 0, null, null)"],
  media_of: [
    'select pigeonpost_private.media_of(m) from pigeonpost.messages m',
    mediaOfTheirs('media_of'),
  ],
  media_state: [mediaOfTheirs('media_state')],
  uploads_named_by: [mediaOfTheirs('uploads_named_by')],
  note_provider: [
    "select pigeonpost_private.note_provider(2, 'x', false, 5, 'x')",
    "select pigeonpost_private.note_provider(2, 'x', true, 0, null)",
  ],
  take_probe: ["select pigeonpost_private.take_probe(2, 'x', 1000)"],
  uuid_v7: ['select pigeonpost.uuid_v7()'],
  normalize_address: ["select pigeonpost.normalize_address('sms', '1')"],
  sanitize_body: ["select pigeonpost.sanitize_body('x')"],
  status_may_change: ["select pigeonpost.status_may_change('inbound', 'a', 'b')"],
  my_tenants: ['select pigeonpost.my_tenants()'],
  grant_tenant: [
    'select pigeonpost.grant_tenant(current_user, 2)',
    'select pigeonpost.grant_tenant(current_user, null)',
  ],
  revoke_tenant: ['select pigeonpost.revoke_tenant(current_user, 2)'],
  archive_thread: [
    `select pigeonpost.archive_thread(2, '${theirs.thread_id}')`,
    `select pigeonpost.archive_thread(1, '${theirs.thread_id}')`,
  ],
  mark_processed: [
    `select pigeonpost.mark_processed(2, '{${theirs.id}}')`,
    `select pigeonpost.mark_processed(1, '{${theirs.id}}')`,
  ],
  merge_customers: [
    `select pigeonpost.merge_customers(2, '${theirs.customer_id}', '${theirs.other}')`,
    `select pigeonpost.merge_customers(1, '${theirs.customer_id}', '${theirs.other}')`,
  ],
  current_customer: [`select pigeonpost.current_customer(2, '${theirs.customer_id}')`],
  is_chat: [`select pigeonpost.is_chat(2, '${theirs.conversation_id}', '${address}')`],
  has_control_characters: [`select pigeonpost.has_control_characters('x')`],
  is_content_type: [`select pigeonpost.is_content_type('x')`],
  is_phone: [`select pigeonpost.is_phone('${address}')`],
  is_phone_channel: [`select pigeonpost.is_phone_channel('sms')`],
  problem_of: [`select pigeonpost.problem_of('failed')`],
  normalise_update: [`select pigeonpost.normalise_update('whatsapp', '{"kind": "revoke"}')`],
  log_floor: ['select pigeonpost.log_floor()'],
  settle_events: ['select pigeonpost.settle_events(2)', 'select pigeonpost.settle_events()'],
  last_log_id: ['select pigeonpost_private.last_log_id()'],
  notify_lock_class: ['select pigeonpost_private.notify_lock_class()'],
  status_payload: ["select pigeonpost.status_payload('inbound', 'read', 'delivered', null, null)"],
  log_after: ['select * from pigeonpost.log_after(2, 0, 1000, 1000)'],
  read_events: [
    'select * from pigeonpost.read_events(0, 1000, 2)',
    'select * from pigeonpost.read_events(0, 1000)',
  ],
  consume_events: [
    "select * from pigeonpost.consume_events('x', 2)",
    "select * from pigeonpost.consume_events('theirs', 1)",
  ],
  event_payload: [
    `select pigeonpost.event_payload(2, null, 'message.inbound.created', '${theirs.id}', null, null, null, null, null, '2026-01-01')`,
  ],
  fold: ['select pigeonpost.fold()'],
  conversation_counters: [
    `select * from pigeonpost.conversation_counters(2, '${theirs.conversation_id}')`,
  ],
  customer_counters: [`select * from pigeonpost.customer_counters(2, '${theirs.customer_id}')`],
  apply_update: [
    `select pigeonpost.apply_update(2, 'whatsapp', '${theirs.external_message_id}', '{"kind": "revoke"}')`,
    `select pigeonpost.apply_update(2, 'whatsapp', 'parked', '{"kind": "revoke"}')`,
  ],
  apply_update_to: [
    `select pigeonpost.apply_update_to(2, '${theirs.id}', '{"kind": "revoke"}')`,
    `select pigeonpost.apply_update_to(2, '${theirs.id}', '{"kind": "reaction", "emoji": "x"}')`,
    `select pigeonpost.apply_update_to(2, '${theirs.id}', '{"kind": "receipt", "status": "read", "recipient": "x"}')`,
  ],
  apply_receipts: [
    `select pigeonpost.apply_receipts(2, '{${theirs.id}}', '{read}', '{2026-01-01}')`,
    `select pigeonpost.apply_receipts(1, '{${theirs.id}}', '{read}', '{2026-01-01}')`,
  ],
  apply_plain_receipts: [
    `select pigeonpost_private.apply_plain_receipts(2, '[{"channel": "whatsapp", "id": "${theirs.external_message_id}", "said": {"kind": "receipt", "status": "read"}}, {"channel": "whatsapp", "id": "new", "said": {"kind": "revoke"}}]')`,
  ],
  apply_parked_updates: [`select pigeonpost.apply_parked_updates(2, '${theirs.id}')`],
  find_message: [
    `select pigeonpost.find_message(2, 'whatsapp', '${theirs.external_message_id}', null, null)`,
  ],
  identify_message: [
    `select pigeonpost.identify_message(2, 'whatsapp', '${theirs.attempt_id}', 'new')`,
    `select pigeonpost.identify_message(1, 'whatsapp', '${theirs.attempt_id}', 'new')`,
  ],
  tenant_of_account: [`select pigeonpost_private.tenant_of_account('${theirs.account_id}')`],
  find_or_open_customer: [
    `select pigeonpost_private.find_or_open_customer(2, 'whatsapp', '${address}')`,
    `select pigeonpost_private.find_or_open_customer(2, 'whatsapp', '+27999999999')`,
  ],
  link_addresses: [
    `select pigeonpost_private.link_addresses(2, 'whatsapp', '${address}', '1@lid')`,
  ],
  message_of_attempt: [
    `select pigeonpost.message_of_attempt(2, '${theirs.attempt_id}')`,
    `select pigeonpost.message_of_attempt(1, '${theirs.attempt_id}')`,
  ],
  lock_external_ids: [
    `select pigeonpost_private.lock_external_ids(2, '{}', '{${theirs.external_message_id},x}')`,
  ],
  apply_updates: [
    `select pigeonpost_private.apply_updates(2, '[{"channel": "whatsapp", "id": "${theirs.external_message_id}", "said": {"kind": "revoke"}}]')`,
    `select pigeonpost_private.apply_updates(2, '[{"channel": "whatsapp", "id": "new", "said": {"kind": "revoke"}}]')`,
  ],
  keep_webhooks: [
    `select pigeonpost_private.keep_webhooks(2, '[{"channel": "x", "method": "POST", "path": "/", "headers": {}, "body": "", "digest": "eA=="}]')`,
  ],
  dismiss_webhooks: [
    `select pigeonpost.dismiss_webhooks(2, array(select id from pigeonpost.webhook_inbox))`,
    `select pigeonpost.dismiss_webhooks(1, array(select id from pigeonpost.webhook_inbox where tenant_id = 2))`,
  ],
  prune: [
    `select * from pigeonpost_private.prune(2)`,
    `select * from pigeonpost_private.prune(2, 1000, true)`,
  ],
  receive: received('receive', (item) => `'[${item}]'`),
  receive_contents: received('receive_contents', (item) => `'[${item}]'`),
  receive_one: received('receive_one', (item) => `'${item}'`),
  accounts_named: [
    `select pigeonpost_private.accounts_named(2, '[{"channel": "whatsapp", "account_address": "+27820000000"}]')`,
    `select pigeonpost_private.accounts_named(2, '[{"channel": "whatsapp", "account_address": "+27820000099", "opens_account": true}]')`,
  ],
  place_elements: [`select pigeonpost_private.place_elements('[{"id": "x"}]', '{}', '{}', 'chat')`],
  change_group: [
    `select pigeonpost_private.change_group(2, '{"channel": "whatsapp", "external_id": "1@g.us", "name": "ours"}')`,
  ],
  try_update: [
    `select pigeonpost_private.try_update(2, 'whatsapp', '${theirs.external_message_id}', '{"kind": "revoke"}', null, null)`,
    `select pigeonpost_private.try_update(2, 'whatsapp', 'new', '{"kind": "revoke"}', null, null)`,
  ],
  inbox_row: [`select pigeonpost_private.inbox_row('{}', '{"code": "PPV01"}')`],
  is_callers_error: [`select pigeonpost_private.is_callers_error('40001')`],
  refusal: [`select pigeonpost_private.refusal('PPV01', 'x', 'y', 'z', '')`],
  writer_lock_class: ['select pigeonpost_private.writer_lock_class(2)'],
  external_id_bucket: [`select pigeonpost_private.external_id_bucket(2, 'x')`],
  ingest: [
    `select * from pigeonpost.ingest('[{"tenant_id": 2, "direction": "inbound", "address": "${address}", "external_message_id": "new"}]')`,
    `select * from pigeonpost.ingest('[{"tenant_id": 2, "direction": "inbound", "address": "${address}", "external_message_id": "${theirs.external_message_id}"}]')`,
  ],
}

t.test('nor by any function', async (t) => {
  const functions = await sql<
    { name: string; definer: boolean; arguments: string; result: string }[]
  >`
    select p.proname as name, p.prosecdef as definer, pg_get_function_identity_arguments(p.oid) as arguments,
      pg_get_function_result(p.oid) as result
    from pg_proc p
    where p.prorettype <> 'trigger'::regtype and (p.pronamespace = 'pigeonpost'::regnamespace
      or p.pronamespace = 'pigeonpost_private'::regnamespace and has_function_privilege('pigeonpost_app', p.oid, 'execute'))
    order by 1`
  t.strictSame(
    functions
      .filter((row) => row.definer)
      .map(({ name, arguments: given, result }) => `${name}(${given}) ${result}`),
    [
      'fold(p_limit integer) integer',
      'folded_id(p_tenant_id integer) bigint',
      'last_log_id() bigint',
      'lock_external_ids(p_tenant_id integer, p_messages text[], p_updates text[]) void',
      'log_floor() bigint',
      'notify_lock_class() integer',
      'prune(p_tenant_id integer, p_batch integer, p_is_dry_run boolean) TABLE(kind text, days numeric, pruned bigint)',
      'settle_events(p_tenant_id integer) bigint',
      'tenant_of_account(p_account_id uuid) integer',
    ],
    'those that run as the owner say no more than numbers',
  )
  // What fold() and settle_events() have to do is done, so that what they change is not taken for a leak.
  await sql`select pigeonpost.settle_events()`
  await sql`select pigeonpost.fold()`
  const ofTheirs = async (): Promise<Row> => {
    const {
      'pigeonpost_private.log_cursors': _cursors,
      'pigeonpost_private.log_rounds': _rounds,
      ...rest
    } = await contents(sql)
    return rest
  }
  const before = await ofTheirs()
  const secrets = [
    theirs.id,
    theirs.conversation_id,
    theirs.thread_id,
    theirs.customer_id,
    theirs.account_id,
    theirs.other,
    'their text',
  ]
  for (const { name } of functions) {
    t.ok(name in calls, `${name} has a line here`)
    for (const call of calls[name] ?? []) {
      for (const [who, enter] of Object.entries(roles)) {
        // What it does to tenant 1 (a consumer, a parked update) is not our question.
        class Undo extends Error {}
        let answer: unknown = null
        const work = enter(async (tx) => {
          answer = [...(await tx.unsafe(call))]
          throw new Undo()
        }).catch((error: unknown) => {
          if (!(error instanceof Undo)) throw error
        })
        const refused = await refusal(work)
        if (refused)
          t.match(
            refused.code,
            /^(42501|PPT01|PPN01|42704)$/,
            `${who}: ${call}: ${refused.message}`,
          )
        else {
          const text = JSON.stringify(answer)
          const given = secrets.filter((secret) => call.includes(String(secret)))
          const told = secrets.filter(
            (secret) => text.includes(String(secret)) && !given.includes(secret),
          )
          t.strictSame(told, [], `${who}: ${call.slice(0, 70)}`)
          t.notMatch(text, /"tenant_id":2/)
        }
      }
    }
  }
  // The same again, to be committed: nothing of theirs has changed.
  for (const call of Object.values(calls).flat()) {
    for (const enter of Object.values(roles)) await refusal(enter((tx) => tx.unsafe(call)))
  }
  const after = await ofTheirs()
  for (const table of [
    'messages',
    'message_history',
    'message_statuses',
    'message_reactions',
    'parked_updates',
    'threads',
    'conversations',
    'customers',
    'customer_identities',
    'tenants',
    'tenant_roles',
    'ingest_batches',
    'provider_routes',
  ]) {
    t.same(after[`pigeonpost.${table}`], before[`pigeonpost.${table}`], table)
  }
  for (const table of Object.keys(before).filter((name) =>
    name.startsWith('pigeonpost_private.'),
  )) {
    t.same(after[table], before[table], table)
  }
  const [consumer] =
    await sql`select cursor from pigeonpost.event_consumers where tenant_id = 2 and name = 'theirs'`
  t.equal(consumer?.['cursor'], 0)
})

t.test('nor by naming what is theirs in a row of its own', async (t) => {
  const before = await contents(sql)
  for (const [column, value] of Object.entries({
    account_id: theirs.account_id,
    conversation_id: theirs.conversation_id,
    customer_id: theirs.customer_id,
  })) {
    const refused = await refusal(store(bridge, { tenant_id: 1, address, [column]: value }))
    t.match(refused?.code, /^PP[AN]01$/, column)
  }
  const refused = await refusal(
    store(bridge, {
      tenant_id: 1,
      address,
      conversation_external_id: 'g',
      sender_customer_id: theirs.customer_id,
    }),
  )
  t.equal(refused?.constraint, 'messages_sender_exists')
  t.same(await contents(sql), before)
})

t.test('nor by taking the locks of its writers', async (t) => {
  const locks = async (tx: Db): Promise<number> => {
    const [row] = await tx<{ count: number }[]>`
      select count(*) from pg_locks where locktype = 'advisory' and objsubid = 2 and pid = pg_backend_pid()`
    return row?.count ?? 0
  }
  const take = (tx: Db, tenant: number) =>
    tx`select pigeonpost_private.lock_external_ids(${tenant}, '{a}', '{b}')`
  await roles['app']?.(async (tx) => {
    await take(tx, 1)
    t.equal(await locks(tx), 2, 'its own it takes')
  })
  for (const who of ['app', 'all three']) {
    const work = async (tenant: number) =>
      roles[who]?.((tx) => take(tx, tenant)) ?? Promise.reject()
    await refuses(t, work(2), { code: 'PPT01', constraint: 'tenant_is_granted' }, who)
    await refuses(
      t,
      work(0),
      { code: 'PPT01', constraint: 'tenant_is_granted' },
      `${who}: nobody's`,
    )
  }
  t.equal(await refusal(sql.begin((tx) => take(tx as Db, 2))), null, 'the owner takes any')
  await rule(
    t,
    sql,
    'who is not bound to the tenant is refused',
    `create or replace function pigeonpost_private.caller_is_bound_to(p_tenant_id integer) returns boolean language sql stable as 'select true'`,
    (tx) =>
      isRefused(
        tx,
        async (tx) => {
          await tx`set local role pigeonpost_app`
          await take(tx, 2)
        },
        'tenant_is_granted',
      ),
  )
})

t.test('nor by settling its log', async (t) => {
  const rounds = () => sql`
    select r::text from pigeonpost_private.log_rounds r where r.tenant_id in (0, 2)
    union all select c::text from pigeonpost_private.log_cursors c where c.tenant_id in (0, 2) order by 1`
  const open = await sql.reserve()
  await open`begin`
  await store(open as never, { tenant_id: 2, address })
  const before = [...(await rounds())]
  for (const [who, enter] of Object.entries(roles)) {
    for (const tenant of [2, 0]) {
      t.same(
        await enter((tx) => tx`select pigeonpost.settle_events(${tenant}) as id`),
        [{ id: 0 }],
        `${who}: ${tenant}`,
      )
    }
    const [own] = await enter((tx) => tx`select pigeonpost.settle_events(1) as id`)
    t.ok(own?.['id'] > 0, `${who}: its own`)
    t.same(
      await enter((tx) => tx`select pigeonpost.settle_events() as id`),
      [own],
      `${who}: all it sees`,
    )
  }
  t.same([...(await rounds())], before)
  await open`rollback`
  open.release()
})

t.test('nor by an operator of its own for what the guard asks', async (t) => {
  const refused = await refusal(
    sql.begin(async (tx) => {
      await tx.unsafe(`create schema evil;
        create function evil.yes(name, name) returns boolean language sql as 'select true';
        create operator evil.= (leftarg = name, rightarg = name, function = evil.yes);
        grant usage on schema evil to public;
        set local search_path = evil, pg_catalog;
        set local role ${bridgeRole}`)
      await store(tx as Db, { tenant_id: 1, address, number: 1 })
    }),
  )
  t.match(refused, { code: 'PPV01', constraint: 'messages_number_is_drawn' })
})

t.test('rows are hidden by policies, and each table has its own', async (t) => {
  const count = async (tx: Db): Promise<number> => {
    await tx.unsafe(`set local role ${bridgeRole}`)
    const [row] = await tx<
      { count: number }[]
    >`select count(*) from pigeonpost.messages where tenant_id = 2`
    return row?.count ?? 0
  }
  await rule(
    t,
    sql,
    'messages of others are not seen',
    'alter table pigeonpost.messages disable row level security',
    async (tx) => (await count(tx)) === 0,
  )
  await rule(
    t,
    sql,
    'nor are their views',
    'alter view public.et_messages set (security_invoker = false)',
    async (tx) => {
      await tx.unsafe(`set local role ${bridgeRole}`)
      // The view's own condition stands before the policy; without both it would show all.
      const [row] = await tx`
      select count(*) filter (where tenant_id = 2) as theirs, (select reloptions::text from pg_class where oid = 'et_messages'::regclass) as options
      from et_messages`
      return (
        Number(row?.['theirs']) === 0 && String(row?.['options']).includes('security_invoker=true')
      )
    },
  )
})

t.test('the guard refuses before anything behind it has run', async (t) => {
  const foreign = { tenant_id: 2, direction: 'inbound', address: '', external_message_id: 'x' }
  await rule(
    t,
    sql,
    'what is wrong besides is not looked at',
    'drop trigger "000_guard" on pigeonpost.messages',
    (tx) =>
      isRefused(
        tx,
        async (tx) => {
          await tx.unsafe(`set local role ${bridgeRole}`)
          await tx`insert into pigeonpost.messages ${tx(foreign)}`
        },
        'tenant_is_granted',
      ),
  )
  const [before] = await sql`select last_value from pigeonpost.log_id_seq`
  await refuses(
    t,
    bridge`insert into pigeonpost.messages ${bridge({ ...foreign, address: newPhone() })}`,
    { code: 'PPT01', constraint: 'tenant_is_granted', column: 'tenant_id' },
    'a new customer of theirs',
  )
  await refuses(
    t,
    bridge`insert into pigeonpost.messages ${bridge({ ...foreign, address, external_message_id: theirs.external_message_id })} on conflict do nothing`,
    { code: 'PPT01' },
    'a second copy of theirs',
  )
  await refuses(
    t,
    bridge`insert into et_messages ${bridge({ tenant_id: 2, lead_id: 5001, channel: 'whatsapp', message_id: 'x', timestamp: 1, direction: 'inbound', raw_json: {} })}`,
    { code: 'PPT01' },
    'through the view',
  )
  await refuses(
    t,
    bridge`update pigeonpost.messages set body = 'x' where tenant_id = 2 and tenant_id = 1 / 0`,
    { code: '22012' },
    'their rows are not looked at',
  )
  const [after] = await sql`select last_value from pigeonpost.log_id_seq`
  t.equal(after?.['last_value'], before?.['last_value'], 'no event was even begun')
})

t.test(
  'the application sees the tenant that its transaction has set, and none without',
  async (t) => {
    const seen = async (tenant: string | null): Promise<number[]> =>
      app.begin(async (tx) => {
        if (tenant !== null) await tx`select set_config('pigeonpost.tenant', ${tenant}, true)`
        return (
          await tx<{ tenant_id: number }[]>`select distinct tenant_id from pigeonpost.messages`
        ).map((row) => row.tenant_id)
      })
    t.strictSame(await seen(null), [])
    t.strictSame(await seen(''), [])
    t.strictSame(await seen('1'), [1])
    t.strictSame(await seen('2'), [2])
    t.strictSame(await seen('99'), [])
    t.equal((await refusal(seen('1, 2')))?.code, '22P02')
    const put = async (tenant: string | null, tenant_id: number): Promise<string | undefined> =>
      (
        await refusal(
          app.begin(async (tx) => {
            if (tenant !== null) await tx`select set_config('pigeonpost.tenant', ${tenant}, true)`
            await store(tx as Db, { tenant_id, address: newPhone() })
          }),
        )
      )?.constraint
    t.equal(await put(null, 1), 'tenant_is_granted')
    t.equal(await put('2', 1), 'tenant_is_granted')
    t.equal(await put('1', 1), undefined)
    t.equal(await put('99', 99), 'tenant_exists', 'it founds none')
    t.equal(await countRows(sql, 'tenants', 99), 0)
  },
)

t.test('to a bridge the setting means nothing', async (t) => {
  await bridge.begin(async (tx) => {
    await tx`select set_config('pigeonpost.tenant', '2', true)`
    const rows = await tx<
      { tenant_id: number }[]
    >`select distinct tenant_id from pigeonpost.messages`
    t.strictSame(
      rows.map((row) => row.tenant_id),
      [1],
    )
    const refused = await refusal(
      (
        tx as never as { savepoint: (w: (s: Db) => Promise<unknown>) => Promise<unknown> }
      ).savepoint((inner) => store(inner, { tenant_id: 2, address })),
    )
    t.equal(refused?.constraint, 'tenant_is_granted')
  })
})

t.test('SET ROLE decides, in the middle of a session too', async (t) => {
  const second = await login(['pigeonpost_bridge'], [2])
  const both = await login([bridgeRole, second.role])
  const seen = async (): Promise<number[]> =>
    (
      await both<
        { tenant_id: number }[]
      >`select distinct tenant_id from pigeonpost.messages order by 1`
    ).map((row) => row.tenant_id)
  t.strictSame(await seen(), [1, 2], 'a member of two roles has both tenants')
  await both.unsafe(`set role ${bridgeRole}`)
  t.strictSame(await seen(), [1])
  t.equal((await refusal(store(both, { tenant_id: 2, address })))?.constraint, 'tenant_is_granted')
  await both.unsafe(`set role ${second.role}`)
  t.strictSame(await seen(), [2])
  await store(both, { tenant_id: 2, address })
  t.equal((await refusal(store(both, { tenant_id: 1, address })))?.constraint, 'tenant_is_granted')
  await both.unsafe('reset role')
  t.strictSame(await seen(), [1, 2])
})

t.test('grant_tenant founds a tenant, revoke_tenant takes the grant back', async (t) => {
  const late = await login(['pigeonpost_bridge'])
  const { role } = late
  t.equal((await refusal(store(late, { tenant_id: 50, address })))?.code, 'PPT01')
  await sql`select pigeonpost.grant_tenant(${role}, 50)`
  await sql`select pigeonpost.grant_tenant(${role}, 50)`
  t.equal(await countRows(sql, 'tenants', 50), 1)
  await store(late, { tenant_id: 50, address })
  t.equal(await countRows(late, 'messages', 50), 1)
  t.strictSame(
    (await late`select tenant_id from pigeonpost.tenants`).map((row) => row['tenant_id'] as number),
    [50],
  )
  const revoke = async (): Promise<unknown> =>
    (await sql`select pigeonpost.revoke_tenant(${role}, 50) as done`)[0]?.['done']
  t.equal(await revoke(), true)
  t.equal(await revoke(), false)
  t.equal(await countRows(late, 'messages', 50), 0)
  t.equal((await refusal(store(late, { tenant_id: 50, address })))?.code, 'PPT01')
  await refuses(
    t,
    sql`select pigeonpost.grant_tenant('nobody at all', 51)`,
    { code: '42704' },
    'a role that is none',
  )
  t.equal(await countRows(sql, 'tenants', 51), 0)
  for (const tenant of [0, -1]) {
    await refuses(
      t,
      sql`select pigeonpost.grant_tenant(${role}, ${tenant})`,
      { code: 'PPV01', constraint: 'tenants_id_is_positive' },
      `${tenant} is no tenant, and not all`,
    )
  }
  t.equal((await refusal(late`select pigeonpost.grant_tenant(${role}, 2)`))?.code, '42501')
})

t.test('a role whose name needs quotes is bound like any', async (t) => {
  const odd = `${db.name} Odd"Name`
  await sql`create role ${sql(odd)} login in role pigeonpost_bridge`
  t.teardown(() => sql`drop role ${sql(odd)}`)
  await sql`select pigeonpost.grant_tenant(${odd}, 1)`
  await sql.begin(async (tx) => {
    await tx`set local role ${tx(odd)}`
    const rows = await tx<{ tenant_id: number }[]>`select tenant_id from pigeonpost.tenants`
    t.strictSame(
      rows.map((row) => row.tenant_id),
      [1],
    )
  })
  t.match(await sql`select pigeonpost.revoke_tenant(${odd}, 1) as done`, [{ done: true }])
})

t.test('a role bound to all has all, those to come included', async (t) => {
  const all = await login(['pigeonpost_bridge'], [null])
  const [seen] = await all<
    { count: number }[]
  >`select count(distinct tenant_id) from pigeonpost.messages`
  const [there] = await sql<
    { count: number }[]
  >`select count(distinct tenant_id) from pigeonpost.messages`
  t.equal(seen?.count, there?.count)
  const stored = await deliver(all, { tenant_id: 60, address })
  t.equal(stored?.tenant_id, 60, 'it founds a tenant by inserting')
  t.ok((await all`select pigeonpost.my_tenants() as mine`)[0]?.['mine'].includes(60))
  await all`insert into et_messages ${all({ tenant_id: 61, lead_id: 1, channel: 'whatsapp', message_id: 'x', timestamp: 1, direction: 'inbound', raw_json: {} })}`
  t.equal(await countRows(all, 'messages', 61), 1)
  const [revoked] = await sql`select pigeonpost.revoke_tenant(${all.role}, null) as done`
  t.equal(revoked?.['done'], true)
  t.equal(await countRows(all, 'messages', 60), 0)
})

t.test('a row without a tenant is refused as such, whoever brings it', async (t) => {
  const all = await login(['pigeonpost_bridge'], [null])
  for (const [who, role] of Object.entries({ sql, bridge, all })) {
    await refuses(
      t,
      store(role, { tenant_id: null, address }),
      { code: 'PPV01', constraint: 'tenant_is_named', column: 'tenant_id' },
      who,
    )
  }
})

t.test(
  'every table of a tenant has row-level security, a policy, and the guard for its first trigger',
  async (t) => {
    const tables = await sql<
      {
        name: string
        enabled: boolean
        forced: boolean
        policies: number
        first: string | null
        definer: boolean
      }[]
    >`
    select c.relnamespace::regnamespace::text || '.' || c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
      (select count(*) from pg_policy p where p.polrelid = c.oid) as policies, f.tgname as first, f.prosecdef as definer
    from pg_class c
    left join lateral (
      select g.tgname, p.prosecdef from pg_trigger g join pg_proc p on p.oid = g.tgfoid
      where g.tgrelid = c.oid and not g.tgisinternal and g.tgtype & 2 = 2
      order by g.tgname collate "C" limit 1) f on true
    where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)
      and c.relkind in ('r', 'p') and not c.relispartition
      and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')`
    // Written by triggers alone: no role may insert there (roles.test.ts), or nothing stands behind the policy.
    const unguarded = new Set([
      'pigeonpost.events',
      'pigeonpost.message_history',
      'pigeonpost.outbox',
      'pigeonpost.delivery_attempts',
      'pigeonpost.tenant_roles',
    ])
    // No role reaches them (roles.test.ts): only functions of the owner do.
    const ofTheOwner = ['pigeonpost_private.log_cursors', 'pigeonpost_private.log_rounds']
    t.ok(tables.length > 18)
    for (const table of tables.filter(({ name }) => !ofTheOwner.includes(name))) {
      t.match(table, { enabled: true, forced: false, policies: 1 }, table.name)
      if (!unguarded.has(table.name) && !table.name.startsWith('pigeonpost_private.'))
        t.match(table, { first: '000_guard', definer: false }, `${table.name}: guard`)
    }
    const partitions = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c where c.relispartition and c.relnamespace = 'pigeonpost'::regnamespace
      and exists (select from aclexplode(c.relacl) a where a.grantee <> c.relowner)`
    t.strictSame([...partitions], [], 'partitions are reached through their parent only')
  },
)

t.test('policies look up a tenant once, and leave the index to the query', async (t) => {
  const plan = await bridge.begin(async (tx) => {
    await tx`set local enable_seqscan = off`
    const rows = await tx<{ 'QUERY PLAN': string }[]>`
      explain (costs off) select * from pigeonpost.messages where thread_id = ${mine.thread_id} order by occurred_at desc, number desc limit 50`
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  })
  t.match(plan, /InitPlan/)
  t.match(plan, /Index Scan.* using messages_thread/, plan)
  t.match(plan, /Index Cond: \(\(tenant_id = ANY/)
})

async function furnish(
  tenant_id: number,
): Promise<
  Awaited<ReturnType<typeof store>> & { other: string; attempt_id: string; media_id: string }
> {
  const message = await store(sql, {
    tenant_id,
    address,
    external_message_id: `first-${tenant_id}`,
    body: tenant_id === 2 ? 'their text' : 'x',
  })
  const { id, account_id } = message
  await sql`update pigeonpost.messages set body = ${tenant_id === 2 ? 'their text now' : 'y'} where tenant_id = ${tenant_id} and id = ${id}`
  await sql`update pigeonpost.messages set status = 'read' where tenant_id = ${tenant_id} and id = ${id}`
  const other = await store(sql, { tenant_id, address: '+27830000002' })
  await store(sql, { tenant_id, address, conversation_external_id: 'g' })
  await sql`select pigeonpost.apply_update(${tenant_id}, 'whatsapp', ${`first-${tenant_id}`}, '{"kind": "reaction", "emoji": "x"}')`
  await sql`select pigeonpost.apply_update(${tenant_id}, 'whatsapp', 'parked', '{"kind": "revoke"}')`
  await sql`insert into pigeonpost.event_consumers (tenant_id, name) values (${tenant_id}, 'theirs')`
  await sql`insert into pigeonpost.api_keys (tenant_id, name, prefix, hash, scopes) values (${tenant_id}, 'x', 'x', sha256('x'), '{}')`
  await sql`insert into pigeonpost.webhook_inbox (tenant_id, channel, path, body) values (${tenant_id}, 'x', '/', 'their text')`
  const [media] = await sql<{ id: string }[]>`
    with file as (
      insert into pigeonpost.media_files (tenant_id, sha256, size, content_type, storage, storage_key)
      values (${tenant_id}, sha256('x'), 1, 'text/plain', 'folder', 'theirs') returning id)
    insert into pigeonpost.media (tenant_id, file_id, filename) select ${tenant_id}, f.id, 'their text' from file f returning id`
  await sql`update pigeonpost.messages set metadata = '{"media": [{}]}' where tenant_id = ${tenant_id} and id = ${other.id}`
  await sql`insert into pigeonpost.idempotent_requests (tenant_id, key, request_hash, status, response) values (${tenant_id}, 'x', sha256('x'), 200, '"their text"')`
  await sql`insert into pigeonpost_private.message_spans (tenant_id, last_number, messages, since, until) values (${tenant_id}, 0, 0, now(), now())`
  await sql`insert into pigeonpost.delivery_attempts (tenant_id, attempt_id, attempt, message_id, outcome) values (${tenant_id}, ${id}, 1, ${id}, 'sent')`
  await sql`insert into pigeonpost_private.account_wakeups (tenant_id, account_id, due_at) values (${tenant_id}, ${account_id}, now())`
  await sql`insert into pigeonpost.provider_routes (tenant_id, position, provider) values (${tenant_id}, 1, 'x')`
  await sql`insert into pigeonpost_private.account_limits (tenant_id, account_id, tat) values (${tenant_id}, ${account_id}, now())`
  await sql`insert into pigeonpost_private.account_days (tenant_id, account_id, day, accepted) values (${tenant_id}, ${account_id}, now(), 1)`
  await sql`insert into pigeonpost_private.recipient_limits (tenant_id, account_id, address, next_at) values (${tenant_id}, ${account_id}, ${address}, now())`
  await sql`insert into pigeonpost_private.provider_breakers (tenant_id, provider, open_until) values (${tenant_id}, 'x', now())`
  await login([], [tenant_id])
  const unsettled = await store(sql, { tenant_id, address, direction: 'outbound', body: 'x' })
  const attempt_id = await beginSending(sql, unsettled.id)
  await sql`select pigeonpost.fold()`
  return { ...message, other: other.customer_id ?? '', attempt_id, media_id: media?.id ?? '' }
}
