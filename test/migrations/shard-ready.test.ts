import t from 'tap'
import { testDatabase } from '../support/database.ts'

/**
 * What a distributed Postgres refuses, as far as the catalog tells. What is there of it today is listed, so
 * that it can only become less: something new fails, and so does a line here that is no longer true.
 */
const { sql } = await testDatabase(t)
const ours = `p.pronamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)`

const rules: [what: string, query: string, today: string[]][] = [
  [
    'row types of our tables in the signature of a function',
    `select distinct p.proname as name from pg_proc p
    cross join unnest(coalesce(p.proallargtypes, '{}') || p.proargtypes::oid[] || p.prorettype) a (t)
    join pg_type y on y.oid = a.t join pg_class k on k.oid = y.typrelid
    where ${ours} and k.relkind in ('r', 'p', 'v')`,
    // The long way of the insert trigger hands a row on; the rest is of files and conversations, written before the rule.
    [
      'find_conversation',
      'find_or_open_direct',
      'find_or_open_group',
      'media_of',
      'media_state',
      'message_defaults',
      'normalise_message',
      'refer_media',
      'resolve_message',
      'uploads_named_by',
    ],
  ],
  [
    'functions in language sql that read tables',
    `select p.proname as name from pg_proc p join pg_language l on l.oid = p.prolang
    where ${ours} and l.lanname = 'sql' and p.prosrc ~ '(from|join|into|update) (pigeonpost|pg_)'`,
    // Of the whole cluster, the log's one position or the operator's; and of files, written before the rule.
    [
      'add_media_task',
      'current_customer',
      'expired_partitions',
      'give_back_rate',
      'last_log_id',
      'lock_salt',
      'log_floor',
      'log_partitions',
      'log_writers',
      'media_of',
      'media_state',
      'tenant_of_account',
    ],
  ],
  [
    'a simple case over a variable',
    `select p.proname as name from pg_proc p join pg_language l on l.oid = p.prolang
    where ${ours} and l.lanname = 'plpgsql' and p.prosrc ~ '\\mcase (p_|v_|new\\.|old\\.)[a-z_.]+ *\\n? *when'`,
    [
      'tg_et_messages__insert',
      'tg_media_files__follow',
      'tg_messages__advance',
      'tg_messages__record_status',
    ],
  ],
  [
    'foreign keys on update cascade',
    `select conname as name from pg_constraint where confupdtype = 'c'`,
    // A merge moves a thread to another conversation, and its messages follow.
    ['messages_thread_is_the_conversations'],
  ],
  [
    'sequences of all tenants',
    `select relname as name from pg_class
    where relkind = 'S' and relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)`,
    ['conversations_number_seq', 'customers_lead_id_seq', 'log_id_seq', 'threads_number_seq'],
  ],
  [
    'policies whose condition is not that of all',
    `select tablename as name from pg_policies where schemaname in ('pigeonpost', 'pigeonpost_private')
    and qual !~ '\\( SELECT (pigeonpost\\.)?my_tenants\\(\\) AS my_tenants\\)'`,
    // Which tenants there are is what my_tenants() reads.
    ['tenant_roles', 'tenants'],
  ],
]

for (const [what, query, today] of rules) {
  t.test(what, async (t) => {
    const found = await sql.unsafe<{ name: string }[]>(query)
    t.strictSame(found.map(({ name }) => name).toSorted(), today.toSorted())
  })
}

t.test('every key and index of a tenant’s table begins with the tenant', async (t) => {
  const indexes = await sql<{ name: string; leads: boolean }[]>`
    select i.indexrelid::regclass::text as name, i.indkey[0] = a.attnum as leads from pg_index i
    join pg_class c on c.oid = i.indrelid and c.relnamespace = 'pigeonpost'::regnamespace and c.relkind in ('r', 'p')
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'`
  t.ok(indexes.length > 40)
  t.strictSame(
    indexes.filter(({ leads }) => !leads).map(({ name }) => name),
    [],
  )
})
