import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { testDatabase } from '../support/database.ts'
import type { Row } from '../support/messages.ts'
import { refusal, rule } from '../support/rules.ts'

const { sql } = await testDatabase(t)
const folder = join(import.meta.dirname, '..', '..', 'migrations', 'fixtures')

/** Tables with a tenant, but for partitions, which have what their parent has. */
const tenantTables = `
  select c.oid, c.relname from pg_class c
  where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)
    and c.relkind in ('r', 'p') and not c.relispartition
    and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')`

/** Keys, foreign keys (both ends) and indexes that do not begin with tenant_id. */
const astray = `
  with tenant_table as (${tenantTables})
  select t.relname || ': ' || i.relname as name
  from tenant_table t join pg_index x on x.indrelid = t.oid join pg_class i on i.oid = x.indexrelid
  where (select a.attname from pg_attribute a where a.attrelid = t.oid and a.attnum = x.indkey[0]) is distinct from 'tenant_id'
  union all
  select t.relname || ': ' || c.conname
  from tenant_table t join pg_constraint c on c.conrelid = t.oid and c.contype = 'f'
  where (select a.attname from pg_attribute a where a.attrelid = c.conrelid and a.attnum = c.conkey[1]) <> 'tenant_id'
    or (select a.attname from pg_attribute a where a.attrelid = c.confrelid and a.attnum = c.confkey[1]) <> 'tenant_id'
  order by 1`

t.test('tenant_id leads every key, foreign key and index', async (t) => {
  const known = [
    // The relay and the workers look over all tenants at once.
    'account_wakeups: account_wakeups_due',
    'media_tasks: media_tasks_due',
  ]
  const names = async (tx: Pick<typeof sql, 'unsafe'>): Promise<string[]> =>
    (await tx.unsafe<{ name: string }[]>(astray)).map(({ name }) => name)
  t.strictSame(await names(sql), known)
  for (const bad of [
    'create index bad on pigeonpost.messages (number)',
    'create index bad on pigeonpost.messages (lower(body))',
    'alter table pigeonpost.messages add constraint bad unique (number)',
  ]) {
    await rule(t, sql, 'nothing else', bad, async (tx) => (await names(tx)).length === known.length)
  }
  const tables = await sql<{ relname: string }[]>`
    select c.relname from pg_class c where c.relnamespace = 'pigeonpost'::regnamespace and c.relkind in ('r', 'p')
      and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')`
  t.same(
    [...tables],
    [{ relname: 'event_types' }],
    'every table of the contract has a tenant, but for what is the same for all',
  )
})

t.test('hot tables refer to no row that tenants share', async (t) => {
  const rows = await sql<{ name: string }[]>`
    select c.conrelid::regclass::text || ' ' || c.confrelid::regclass::text as name from pg_constraint c
    where c.contype = 'f' and c.connamespace = 'pigeonpost'::regnamespace`
  const pairs = new Set(rows.map(({ name }) => name.replaceAll('pigeonpost.', '')))
  t.strictSame([...pairs].filter((pair) => / (tenants|accounts)$/.test(pair)).toSorted(), [
    'accounts tenants',
    'api_keys tenants',
    'provider_routes accounts',
    'provider_routes tenants',
  ])
  t.strictSame(
    [...pairs].filter((pair) => pair.startsWith('messages ')),
    ['messages threads'],
  )
  t.strictSame(
    [...pairs].filter((pair) => pair.startsWith('events ')),
    [],
  )
})

// Those of `messages` that the documents name are served by others: plans.test.ts holds what their queries read.
t.test('every other index that the documents name exists, led by tenant_id', async (t) => {
  const indexes = await sql<{ table: string; columns: string; unique: boolean }[]>`
    select t.relname as table, x.indisunique as unique, (
      select string_agg(a.attname, ' ' order by k.n) from unnest(x.indkey[0:x.indnkeyatts - 1]) with ordinality k (attnum, n)
      join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum) as columns
    from pg_index x join pg_class t on t.oid = x.indrelid where t.relnamespace = 'pigeonpost'::regnamespace and x.indisvalid`
  const documents: [document: string, table: string, columns: string, unique?: true][] = [
    [
      '001 customers (external_type, external_id)',
      'customer_identities',
      'tenant_id channel address',
      true,
    ],
    [
      '001 participants (conversation_id, customer_id)',
      'conversation_participants',
      'tenant_id conversation_id customer_id',
      true,
    ],
    ['002 idx_threads_lead', 'threads', 'tenant_id customer_id'],
    ['002 idx_threads_active', 'threads', 'tenant_id customer_id channel status'],
    ['002 idx_msg_tenant', 'messages', 'tenant_id'],
    ['002 idx_msg_thread', 'messages', 'tenant_id thread_id'],
    ['002 idx_msg_conversation', 'messages', 'tenant_id thread_id occurred_at'],
    [
      '002 et_messages (channel, lead_id, message_id)',
      'messages',
      'tenant_id external_message_id conversation_id',
      true,
    ],
  ]
  for (const [document, table, columns, unique] of documents) {
    const found = indexes.some(
      (index) =>
        index.table === table &&
        (unique
          ? index.unique && index.columns === columns
          : `${index.columns} `.startsWith(`${columns} `)),
    )
    t.ok(found, document)
  }
})

t.test('messages have few indexes, and each says what it is for', async (t) => {
  const indexes = await sql<{ name: string; kind: string; says: string | null }[]>`
    select c.relname as name, case when m.amname <> 'btree' then m.amname when x.indpred is null then 'full' else 'partial' end as kind,
      obj_description(c.oid, 'pg_class') as says
    from pg_index x join pg_class c on c.oid = x.indexrelid join pg_am m on m.oid = c.relam
    where x.indrelid = 'pigeonpost.messages'::regclass
      -- The queue's, until it has a table of its own.
      and c.relname not in ('messages_claim', 'messages_waiting', 'messages_due', 'messages_expiring', 'messages_attempt', 'messages_sending')`
  const kinds = Map.groupBy(indexes, ({ kind }) => kind)
  t.same([...kinds].map(([kind, of]) => `${kind} ${of.length}`).toSorted(), [
    'brin 1',
    'full 5',
    'partial 5',
  ])
  for (const { name, says } of indexes) t.ok(says, name)
  // A receipt changes the status and no entry of an index: the queue's are gone with it.
  const named = await sql<{ name: string }[]>`
    select c.relname as name from pg_index x join pg_class c on c.oid = x.indexrelid
    where x.indrelid = 'pigeonpost.messages'::regclass and c.relname = any (${indexes.map(({ name }) => name)}::text[])
      and pg_get_indexdef(x.indexrelid) ~ '\\m(status|delivered_at|read_at|updated_at)\\M'`
  t.same([...named], [])
})

t.test('trigger functions pin search_path, and use no transition table', async (t) => {
  const triggers = await sql<
    {
      name: string
      table: string
      config: string[] | null
      old: string | null
      new: string | null
      enabled: string
      level: number
    }[]
  >`
    select g.tgname as name, g.tgrelid::regclass::text as table, p.proconfig as config, g.tgoldtable as old, g.tgnewtable as new,
      g.tgenabled as enabled, g.tgtype & 1 as level
    from pg_trigger g join pg_proc p on p.oid = g.tgfoid join pg_class c on c.oid = g.tgrelid
    where not g.tgisinternal and (c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) or c.relname like 'et\\_%')`
  t.ok(triggers.length > 30)
  for (const trigger of triggers) {
    const name = `${trigger.table} ${trigger.name}`
    t.match(trigger.name, /^\d{3}_[a-z_]+$/, `${name}: its name tells its turn`)
    t.match(trigger, { old: null, new: null, enabled: 'O', level: 1 }, name)
    t.strictSame(
      (trigger.config ?? []).filter((item) => item.startsWith('search_path=')),
      ['search_path=pg_catalog, pg_temp'],
      `${name}: search_path`,
    )
  }
  const definers = await sql<{ name: string; config: string[] | null }[]>`
    select p.oid::regprocedure::text as name, p.proconfig as config from pg_proc p
    where p.pronamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)
      -- Asked in every statement; its one operator is named in full (tenancy.test.ts).
      and (p.prosecdef or p.prorettype = 'trigger'::regtype or p.prolang = (select oid from pg_language where lanname = 'plpgsql'))`
  t.ok(definers.length > 40)
  for (const { name, config } of definers)
    t.match(config?.join(), /search_path=pg_catalog, pg_temp/, name)
})

t.test('the thread is made before the foreign key looks for it', async (t) => {
  const triggers = await sql<{ name: string }[]>`
    select tgname as name from pg_trigger where tgrelid = 'pigeonpost.messages'::regclass and tgtype & 6 = 4 order by tgname collate "C"`
  const names = triggers.map(({ name }) => name)
  t.equal(names[0], '700_follow_up')
  t.match(names.at(-1), /^RI_/)
  await rule(
    t,
    sql,
    'else there is no message',
    'alter trigger "700_follow_up" on pigeonpost.messages rename to "zzz_follow_up"',
    async (tx) => {
      const refused = await refusal(
        (
          tx as never as {
            savepoint: (work: (tx: typeof sql) => Promise<unknown>) => Promise<unknown>
          }
        ).savepoint(
          (inner) =>
            inner`insert into pigeonpost.messages (tenant_id, direction, address, external_message_id) values (1, 'inbound', '+27831234567', 'x')`,
        ),
      )
      return refused === null
    },
  )
})

t.test('constraints and indexes have names that somebody chose', async (t) => {
  const generated = `
    select c.conrelid::regclass::text || ' ' || c.conname as name from pg_constraint c join pg_class r on r.oid = c.conrelid
    where c.connamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) and not r.relispartition
      and c.contype not in ('n', 't') and (c.conname ~ '_(fkey|key|check|excl)[0-9]*$' or c.contype = 'p' and c.conname <> r.relname || '_pkey')
    union all
    select i.indexrelid::regclass::text from pg_index i join pg_class r on r.oid = i.indrelid
    where r.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) and not r.relispartition
      and i.indexrelid::regclass::text ~ '_idx[0-9]*$'`
  for (const bad of [
    'alter table pigeonpost.messages add check (attempts >= 0)',
    'alter table pigeonpost.messages add unique (tenant_id, occurred_at)',
    'alter table pigeonpost.messages add foreign key (tenant_id) references pigeonpost.tenants',
    'create index on pigeonpost.messages (tenant_id, provider)',
  ]) {
    await rule(t, sql, bad, bad, async (tx) => (await tx.unsafe(generated)).length === 0)
  }
})

t.test('nothing of ours belongs to a login', async (t) => {
  const owned = await sql<{ name: string; owner: string }[]>`
    with thing as (
      select 'relation ' || c.oid::regclass as name, c.relowner as owner from pg_class c
      where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) or c.relname in ('et_threads', 'et_messages')
      union all
      select 'function ' || p.oid::regprocedure, p.proowner from pg_proc p where p.pronamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)
      union all
      select 'type ' || y.oid::regtype, y.typowner from pg_type y where y.typnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)
      union all
      select 'schema ' || n.nspname, n.nspowner from pg_namespace n where n.nspname in ('pigeonpost', 'pigeonpost_private')
    )
    select name, owner::regrole::text as owner from thing where owner <> 'pigeonpost_owner'::regrole`
  t.same(
    [...owned],
    [
      {
        name: 'function pigeonpost_private.tg_ingest_batches__ingest()',
        owner: 'pigeonpost_ingest',
      },
    ],
  )
  await sql`select setval('pigeonpost.log_id_seq', 15000000)`
  const [made] = await sql`select pigeonpost_private.extend_log() as made`
  t.ok(Number(made?.['made']) > 0)
  const partitions = await sql`
    select c.relname from pg_class c where c.relispartition and c.relkind = 'r' and c.relnamespace = 'pigeonpost'::regnamespace
      and (c.relowner <> 'pigeonpost_owner'::regrole or exists (select from aclexplode(c.relacl) a where a.grantee <> c.relowner))`
  t.strictSame(
    [...partitions],
    [],
    'nor do partitions that are made later, and nobody is granted them',
  )
})

t.test('views run with the rights of who reads them', async (t) => {
  const views = await sql<{ name: string; options: string[] | null }[]>`
    select c.oid::regclass::text as name, c.reloptions as options from pg_class c
    where c.relkind in ('v', 'm') and (c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) or c.relname like 'et\\_%')`
  t.equal(views.length, 6)
  for (const { name, options } of views) t.ok(options?.includes('security_invoker=true'), name)
  const functions = await sql<{ name: string }[]>`
    select p.proname as name from pg_trigger g join pg_proc p on p.oid = g.tgfoid join pg_class c on c.oid = g.tgrelid
    where c.relkind = 'v' and p.prosecdef and not g.tgisinternal`
  t.strictSame(
    functions.map(({ name }) => name),
    ['tg_ingest_batches__ingest'],
    'behind its guard',
  )
})

t.test('every function says how volatile it is, and none less than it is', async (t) => {
  for (const name of await readdir(folder)) {
    const text = await readFile(join(folder, name), 'utf8')
    const heads = text.match(/create or replace function[^]*?\bas (\$|')/g) ?? []
    for (const head of heads)
      t.match(head, /\b(volatile|stable|immutable)\b/, `${name}: ${head.slice(27, 80).trim()}`)
    t.notMatch(
      text,
      /create function|drop trigger|drop function|drop view/,
      `${name} can be applied again`,
    )
  }
  const rows = await sql<{ name: string; volatile: string; source: string }[]>`
    select p.oid::regprocedure::text as name, p.provolatile as volatile, p.prosrc as source from pg_proc p
    where p.pronamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)`
  for (const { name, volatile, source } of rows) {
    const code = source.replaceAll(/--.*$/gm, '').replaceAll(/'[^']*'/g, '')
    if (volatile !== 'v')
      t.notMatch(
        code,
        /\b(insert into|update pigeonpost|delete from|for (no key )?(update|share|key share)|nextval|clock_timestamp|random)\b/,
        name,
      )
    if (volatile === 'i')
      t.notMatch(
        code,
        /\b(from pigeonpost|current_setting|now\(|current_user|session_user)\b/,
        name,
      )
  }
})

t.test(
  'every table, view, function that users meet, and column with a unit is explained',
  async (t) => {
    const bare = await sql<{ name: string }[]>`
    select 'relation ' || c.oid::regclass as name from pg_class c
    where (c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) or c.relname like 'et\\_%')
      and c.relkind in ('r', 'p', 'v') and not c.relispartition and obj_description(c.oid, 'pg_class') is null
    union all
    select 'function ' || p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'pigeonpost'::regnamespace and obj_description(p.oid, 'pg_proc') is null
    union all
    select 'column ' || c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) and c.relkind in ('r', 'p') and not c.relispartition
      and a.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'timestamptz'::regtype, 'jsonb'::regtype, 'interval'::regtype)
      and a.attname not in ('tenant_id', 'created_at', 'updated_at') and col_description(c.oid, a.attnum) is null
    union all
    select 'schema ' || n.nspname from pg_namespace n where n.nspname in ('pigeonpost', 'pigeonpost_private') and obj_description(n.oid, 'pg_namespace') is null
    order by 1`
    t.strictSame(
      bare.map(({ name }) => name),
      [],
    )
  },
)

t.test('ids are version 7, and sort by the time at which they were made', async (t) => {
  const rows = await sql<
    { id: string }[]
  >`select pigeonpost.uuid_v7() as id, pg_sleep(0.002) from generate_series(1, 20)`
  const ids = rows.map(({ id }) => id)
  for (const id of ids)
    t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.strictSame(ids.toSorted(), ids)
  t.ok(
    Math.abs(Number.parseInt(ids[0]?.replaceAll('-', '').slice(0, 12) ?? '', 16) - Date.now()) <
      60_000,
    'milliseconds since 1970',
  )
  const defaults = await sql<Row[]>`
    select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where c.relnamespace = 'pigeonpost'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'id' and a.atttypid = 'uuid'::regtype
      and pg_get_expr(d.adbin, d.adrelid) is distinct from 'pigeonpost.uuid_v7()' and pg_get_expr(d.adbin, d.adrelid) is distinct from 'uuid_v7()'`
  t.strictSame([...defaults], [])
})
