import t from 'tap'
import type { Db } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { deliver, newId, newPhone, store } from '../support/messages.ts'
import { refusal } from '../support/rules.ts'

const { sql, login } = await testDatabase(t)

/** r: select, a: insert, w: update (of columns where they are listed), d: delete. What is not here is not allowed. */
const granted: Record<string, { bridge?: string; reader?: string; app?: string }> = {
  tenants: { bridge: 'r', reader: 'r', app: 'r' },
  tenant_roles: { bridge: 'r', reader: 'r', app: 'r' },
  accounts: { bridge: 'r', reader: 'r', app: 'raw' },
  api_keys: { app: 'raw' },
  customers: {
    bridge: 'r',
    reader: 'r',
    app: 'ra w(external_id external_type lead_id merged_into metadata name)',
  },
  customer_identities: { bridge: 'r', reader: 'r', app: 'rad w(customer_id)' },
  conversations: {
    bridge: 'r',
    reader: 'r',
    app: 'ra w(external_id group_avatar group_metadata group_name status)',
  },
  conversation_participants: {
    bridge: 'r',
    reader: 'r',
    app: 'rad w(joined_at left_at metadata role)',
  },
  threads: { bridge: 'r w(status)', reader: 'r', app: 'r w(status)' },
  messages: {
    bridge:
      'ra w(body delivered_at error_code error_message external_message_id failed_at is_processed media_url metadata raw read_at revoked_at sent_at status)',
    reader: 'r',
    app: 'ra w(attempts body campaign_id content_type delivered_at error_code error_message external_message_id failed_at is_from_bot is_processed media_id media_url metadata priority provider raw read_at reply_to_id revoked_at scheduled_for sent_at status valid_until)',
  },
  message_history: { bridge: 'r', reader: 'r', app: 'r' },
  message_statuses: {
    bridge:
      'r a(created_at error_code error_message id message_id occurred_at recipient status tenant_id) w(error_code error_message occurred_at)',
    reader: 'r',
    app: 'r a(created_at error_code error_message id message_id occurred_at recipient status tenant_id) w(error_code error_message occurred_at)',
  },
  message_reactions: { bridge: 'raw', reader: 'r', app: 'raw' },
  parked_updates: { bridge: 'ra', app: 'rawd' },
  messages_with_state: { bridge: 'r', reader: 'r', app: 'r' },
  outbox: {
    bridge: 'r',
    reader: 'r',
    app: 'r w(accepted_on attempt attempt_id due_at error_code error_message provider provider_reason state)',
  },
  delivery_attempts: { bridge: 'r', reader: 'r', app: 'raw' },
  events: { bridge: 'r', reader: 'r', app: 'r' },
  event_types: { bridge: 'r', reader: 'r', app: 'r' },
  event_log: { bridge: 'r', reader: 'r', app: 'r' },
  event_consumers: { bridge: 'raw', reader: 'raw', app: 'raw' },
  webhook_inbox: { app: 'raw' },
  media: {
    bridge: 'r',
    reader: 'r',
    app: 'rad w(error_code error_message file_id filename status)',
  },
  media_files: { bridge: 'r', reader: 'r', app: 'raw' },
  media_tasks: { app: 'rawd' },
  idempotent_requests: { app: 'ra w(response status)' },
  ingest_batches: { bridge: 'ra', app: 'ra' },
  et_threads: { bridge: 'raw', reader: 'r', app: 'raw' },
  et_messages: { bridge: 'raw', reader: 'r', app: 'raw' },
  provider_routes: { bridge: 'r', reader: 'r', app: 'rawd' },
  account_wakeups: { app: 'rawd' },
  account_limits: { app: 'rawd' },
  account_days: { app: 'rawd' },
  recipient_limits: { app: 'rawd' },
  provider_breakers: { app: 'rawd' },
  clock_offset: { app: 'r' },
  fixtures: { app: 'r' },
  message_counts: { app: 'r' },
  message_spans: { app: 'r' },
}
const letters: Record<string, string> = { SELECT: 'r', INSERT: 'a', UPDATE: 'w', DELETE: 'd' }

t.test('each role may do to each table what is written here, and nothing else', async (t) => {
  const rows = await sql<
    { name: string; role: string; privilege: string; columns: string | null }[]
  >`
    with relation as (
      select c.oid, c.relname, c.relacl from pg_class c
      where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) and c.relkind in ('r', 'p', 'v')
        or c.relnamespace = 'public'::regnamespace and c.relname like 'et\\_%'
    )
    select r.relname as name, a.grantee::regrole::text as role, a.privilege_type as privilege, null as columns
    from relation r cross join aclexplode(r.relacl) a where a.grantee <> 'pigeonpost_owner'::regrole
    union all
    select r.relname, x.grantee::regrole::text, x.privilege_type, string_agg(a.attname, ' ' order by a.attname)
    from relation r join pg_attribute a on a.attrelid = r.oid cross join aclexplode(a.attacl) x
    group by 1, 2, 3`
  const found: typeof granted = {}
  for (const { name, role, privilege, columns } of rows) {
    t.match(role, /^pigeonpost_(bridge|reader|app)$/, `${name}: no grant to ${role}`)
    const of = (found[name] ??= {})
    const key = role.replace('pigeonpost_', '') as 'bridge' | 'reader' | 'app'
    const letter = letters[privilege] ?? `?${privilege}`
    of[key] = columns ? `${of[key] ?? ''} ${letter}(${columns})` : letter + (of[key] ?? '')
  }
  const order = (text = ''): string => {
    const [whole = '', ...columns] = text.split(/ (?=\w\()/)
    return [
      ['r', 'a', 'w', 'd'].filter((letter) => whole.includes(letter)).join(''),
      ...columns.toSorted(),
    ]
      .join(' ')
      .trim()
  }
  for (const name of new Set([...Object.keys(found), ...Object.keys(granted)])) {
    for (const role of ['bridge', 'reader', 'app'] as const) {
      t.equal(order(found[name]?.[role]), order(granted[name]?.[role]), `${role} on ${name}`)
    }
  }
  const relations = await sql<{ name: string }[]>`
    select c.relname as name from pg_class c
    where c.relnamespace = 'pigeonpost'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition`
  for (const { name } of relations) t.ok(name in granted, `${name} has a line here`)
})

t.test(
  'each role may call what is in schema pigeonpost, but for what only the owner may',
  async (t) => {
    const rows = await sql<
      {
        name: string
        schema: string
        bridge: boolean
        reader: boolean
        app: boolean
        anyone: boolean
      }[]
    >`
    select p.proname as name, p.pronamespace::regnamespace::text as schema,
      has_function_privilege('pigeonpost_bridge', p.oid, 'execute') as bridge,
      has_function_privilege('pigeonpost_reader', p.oid, 'execute') as reader,
      has_function_privilege('pigeonpost_app', p.oid, 'execute') as app,
      p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0) as anyone
    from pg_proc p where p.pronamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)`
    const ownerOnly = new Set(['grant_tenant', 'revoke_tenant'])
    // What the API's metrics, limits and the worker ask; under the caller's policies, but for a number (tenancy.test.ts).
    const ofTheApp = new Set([
      'read_counts',
      'count_changes',
      'folded_id',
      'unfolded_ids',
      'counter_changes',
      'last_message_at',
      'exact_counters',
      'number_ranges',
      'sent_since',
      'last_log_id',
      'notify_lock_class',
      'clock',
      'take_rate',
      'give_back_rate',
      'day_start',
      'take_day',
      'accept_message',
      'iso_8601',
      'choose_provider',
      'media_of',
      'media_state',
      'uploads_named_by',
      'note_provider',
      'take_probe',
      'tenant_of_account',
      'lock_external_ids',
      'apply_updates',
      'apply_plain_receipts',
      'keep_webhooks',
      'receive',
      'receive_contents',
      'receive_one',
      'accounts_named',
      'place_elements',
      'change_group',
      'try_update',
      'inbox_row',
      'is_callers_error',
      'refusal',
      'writer_lock_class',
      'external_id_bucket',
      'link_addresses',
      'find_or_open_customer',
      'prune',
    ])
    t.ok(rows.length > 50)
    for (const { name, schema, ...may } of rows) {
      const open = schema === 'pigeonpost' && !ownerOnly.has(name)
      const app = open || ofTheApp.has(name)
      // Asked by a trigger, as the one who inserts.
      const bridge = open
      t.same(may, { bridge, reader: open && name !== 'fold', app, anyone: false }, name)
    }
  },
)

t.test(
  'no role of ours may log in, is a superuser, passes by the policies, or is a member of another',
  async (t) => {
    const roles = await sql`
    select rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname like 'pigeonpost\\_%'`
    t.equal(roles.length, 5)
    for (const { rolname, ...rights } of roles) {
      t.same(Object.values(rights), [false, false, false, false, false], rolname as string)
    }
    const memberships = await sql`
    select m.member::regrole::text as member, m.roleid::regrole::text as of from pg_auth_members m
    where m.member::regrole::text like 'pigeonpost\\_%'`
    t.strictSame(
      memberships.map((row) => ({ ...row })),
      [{ member: 'pigeonpost_ingest', of: 'pigeonpost_owner' }],
    )
  },
)

t.test('a stranger with a login sees nothing of ours', async (t) => {
  const stranger = await login([])
  for (const statement of [
    'select from pigeonpost.messages',
    'select from pigeonpost.tenants',
    'select pigeonpost.my_tenants()',
    'select pigeonpost.grant_tenant(current_user, 1)',
    'select from et_messages',
    'select from pigeonpost_private.log_cursors',
  ]) {
    t.equal((await refusal(stranger.unsafe(statement)))?.code, '42501', statement)
  }
})

t.test('what each role does, it can do', async (t) => {
  const tenant_id = 1
  const address = newPhone()
  const bridge = await login(['pigeonpost_bridge'], [1])
  const reader = await login(['pigeonpost_reader'], [1])
  const app = await login(['pigeonpost_app'])
  const asApp = async (work: (tx: Db) => Promise<unknown>): Promise<unknown> =>
    app.begin(async (tx) => {
      await tx`select set_config('pigeonpost.tenant', '1', true)`
      return work(tx as Db)
    })
  const inbound = await store(bridge, { tenant_id, address, body: 'one' })
  const echo = await store(bridge, {
    tenant_id,
    address,
    direction: 'outbound',
    external_message_id: newId(),
  })

  const asBridge: Record<string, (tx: Db) => Promise<unknown>> = {
    'stores in a group': (tx) =>
      store(tx, { tenant_id, address, conversation_external_id: '1@g.us' }),
    'links two addresses': (tx) => store(tx, { tenant_id, address, alternate_address: '1@lid' }),
    'merges two customers by linking': async (tx) => {
      await store(tx, { tenant_id, address: '2@lid' })
      await store(tx, { tenant_id, address, alternate_address: '2@lid' })
    },
    'stores through the view': (tx) => tx`
      insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, raw_json) values (1, 7, 'whatsapp', 'v1', 1, 'inbound', '{}')`,
    'stores many': (tx) =>
      tx`select * from pigeonpost.ingest(${tx.json([{ tenant_id, direction: 'inbound', address, external_message_id: newId() }])})`,
    edits: (tx) =>
      tx`update pigeonpost.messages set body = 'two' where tenant_id = 1 and id = ${inbound.id}`,
    'reports a receipt': (tx) =>
      tx`select pigeonpost.apply_update(1, 'whatsapp', ${echo.external_message_id}, '{"kind": "receipt", "status": "read", "recipient": "+1"}')`,
    'parks one': (tx) =>
      tx`select pigeonpost.apply_update(1, 'whatsapp', 'not here', '{"kind": "revoke"}')`,
    'gets what was parked': (tx) =>
      deliver(tx, { tenant_id, address, external_message_id: 'not here' }),
    'reports a reaction': (tx) =>
      tx`select pigeonpost.apply_update(1, 'whatsapp', ${echo.external_message_id}, '{"kind": "reaction", "emoji": "x"}')`,
    revokes: (tx) =>
      tx`select pigeonpost.apply_update(1, 'whatsapp', ${echo.external_message_id}, '{"kind": "revoke"}')`,
    'marks as processed': (tx) => tx`select pigeonpost.mark_processed(1, ${[inbound.id]}::uuid[])`,
    'reads history': (tx) => tx`select * from pigeonpost.message_history`,
    'reads events': (tx) => tx`select * from pigeonpost.read_events(0)`,
    'consumes events': (tx) => tx`select * from pigeonpost.consume_events('mine', 1)`,
    'reads through the views': (tx) =>
      tx`select * from et_messages m join et_threads t on t.id = m.thread_id`,
    'archives a thread': (tx) => tx`select pigeonpost.archive_thread(1, ${inbound.thread_id})`,
    'archives through the view': (tx) =>
      tx`update et_threads set status = 'archived' where tenant_id = 1`,
    folds: (tx) => tx`select pigeonpost.fold()`,
    'reads counters': (tx) =>
      tx`select * from pigeonpost.conversation_counters(1, ${inbound.conversation_id})`,
  }
  for (const [what, work] of Object.entries(asBridge)) {
    t.equal(await refusal(work(bridge)), null, `a bridge ${what}`)
  }
  const [history] =
    await sql`select edited_by from pigeonpost.message_history where message_id = ${inbound.id}`
  t.equal(history?.['edited_by'], bridge.role)

  for (const what of [
    'reads history',
    'reads events',
    'consumes events',
    'reads through the views',
    'reads counters',
  ]) {
    t.equal(
      await refusal(asBridge[what]?.(reader) ?? Promise.reject(new Error(what))),
      null,
      `a reader ${what}`,
    )
  }
  for (const what of [
    'stores in a group',
    'stores through the view',
    'stores many',
    'edits',
    'parks one',
    'archives a thread',
    'marks as processed',
    'folds',
  ]) {
    t.equal(
      (await refusal(asBridge[what]?.(reader) ?? Promise.reject(new Error(what))))?.code,
      '42501',
      `a reader never ${what}`,
    )
  }

  const customer = inbound.customer_id ?? ''
  for (const [what, work] of Object.entries({
    ...asBridge,
    'stores through the view': asBridge['reads through the views'] ?? ((tx: Db) => tx`select`),
    'makes an account': (tx: Db) =>
      tx`insert into pigeonpost.accounts (tenant_id, channel) values (1, 'telegram')`,
    'makes a customer': (tx: Db) =>
      tx`insert into pigeonpost.customers (tenant_id, external_type, external_id) values (1, 'email', 'a@b.c')`,
    'renames one': (tx: Db) =>
      tx`update pigeonpost.customers set name = 'Ann' where tenant_id = 1 and id = ${customer}`,
    'opens a conversation': (tx: Db) =>
      tx`insert into pigeonpost.conversations (tenant_id, type, group_name) values (1, 'group', 'x')`,
    'adds a participant': (tx: Db) => tx`
      insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id)
      select 1, c.id, ${customer} from pigeonpost.conversations c where c.group_name = 'x'`,
    'removes one': (tx: Db) => tx`
      delete from pigeonpost.conversation_participants p using pigeonpost.conversations c where c.id = p.conversation_id and c.group_name = 'x'`,
    'closes a conversation': (tx: Db) =>
      tx`update pigeonpost.conversations set status = 'closed' where tenant_id = 1`,
    'queues a message': (tx: Db) => store(tx, { tenant_id, address, direction: 'outbound' }),
    'merges customers': async (tx: Db) => {
      const other = await store(tx, { tenant_id, address: newPhone() })
      await tx`select pigeonpost.merge_customers(1, ${customer}, ${other.customer_id})`
    },
    'keeps a webhook': (tx: Db) =>
      tx`insert into pigeonpost.webhook_inbox (tenant_id, channel, path, body) values (1, 'x', '/', '')`,
  })) {
    t.equal(await refusal(asApp(work)), null, `the application ${what}`)
  }
})

t.test('history and the log are written by triggers alone', async (t) => {
  const tenant_id = 3
  const message = await store(sql, { tenant_id, address: newPhone(), body: 'one' })
  await sql`update pigeonpost.messages set body = 'two' where tenant_id = 3`
  const roles = {
    bridge: await login(['pigeonpost_bridge'], [3]),
    reader: await login(['pigeonpost_reader'], [3]),
    app: await login(['pigeonpost_app'], [3]),
    all: await login(['pigeonpost_bridge', 'pigeonpost_reader', 'pigeonpost_app'], [null]),
  }
  for (const [name, role] of Object.entries(roles)) {
    for (const statement of [
      'update pigeonpost.message_history set body = null',
      'delete from pigeonpost.message_history',
      `insert into pigeonpost.message_history (tenant_id, message_id, conversation_id, direction, kind, body_version, edited_by)
        values (3, '${message.id}', '${message.conversation_id}', 'inbound', 'edit', 9, 'x')`,
      'update pigeonpost.events set payload = null',
      'delete from pigeonpost.events',
      "insert into pigeonpost.events (tenant_id, id, type) values (3, 1, 'x')",
      'update pigeonpost.events_p0 set payload = null',
      'delete from pigeonpost.events_p0',
      'truncate pigeonpost.events',
      'truncate pigeonpost.message_history cascade',
      'delete from pigeonpost.messages',
      'update pigeonpost.message_statuses set status = null',
      `insert into pigeonpost.message_statuses (tenant_id, message_id, status, previous_status) values (3, '${message.id}', 'read', 'sent')`,
      'update pigeonpost_private.log_cursors set cursor = 0',
      'alter table pigeonpost.messages disable trigger all',
      'set session_replication_role = replica',
      'set role pigeonpost_owner',
      'set role pigeonpost_ingest',
    ]) {
      t.equal(
        (await refusal(role.unsafe(statement)))?.code,
        '42501',
        `${name}: ${statement.slice(0, 60)}`,
      )
    }
  }
})

t.test('who edits says whom they work for only where we trust them to', async (t) => {
  const tenant_id = 4
  const { id } = await store(sql, { tenant_id, address: newPhone(), body: '0' })
  const bridge = await login(['pigeonpost_bridge'], [4])
  const app = await login(['pigeonpost_app'])
  const edit = async (role: typeof sql, body: string): Promise<unknown> =>
    role.begin(async (tx) => {
      await tx`select set_config('pigeonpost.actor', 'ann@example.com', true), set_config('pigeonpost.tenant', '4', true)`
      await tx`update pigeonpost.messages set body = ${body} where tenant_id = 4 and id = ${id}`
    })
  await edit(bridge, '1')
  await edit(app, '2')
  const history = await sql<{ edited_by: string }[]>`
    select edited_by from pigeonpost.message_history where tenant_id = 4 order by body_version`
  t.equal(history[0]?.edited_by, bridge.role)
  t.equal(history[1]?.edited_by, 'ann@example.com')
})
