import { pino } from 'pino'
import t, { type Test } from 'tap'
import { startMaintenance } from '../../../adapters/worker/maintenance/maintenance.ts'
import { connect, type Sql } from '../../../db/connect.ts'
import { prune, type Pruned, sumPruned } from '../../../db/retention/prune.ts'
import { testDatabase } from '../../support/database.ts'
import { newPhone, store } from '../../support/messages.ts'
import { violation } from '../../support/rules.ts'
import { waitFor } from '../../support/wait.ts'

const kinds = [
  'webhook_inbox',
  'delivery_attempts',
  'message_statuses',
  'parked_updates',
  'idempotent_requests',
]

/**
 * One row of each kind and age (in days), named by its age, in the tenants 1 and 2. The messages have ended; the log is
 * read, and its floor above all of it.
 */
async function aged(t: Test, ages: number[]) {
  const core = await testDatabase(t)
  const { sql } = core
  await sql`insert into pigeonpost.tenants (tenant_id) values (1), (2) on conflict do nothing`
  const messages = new Map<number, string>()
  for (const tenant of [1, 2]) {
    const sent = await store(sql, {
      tenant_id: tenant,
      address: newPhone(),
      direction: 'outbound',
      body: 'x',
    })
    await sql`update pigeonpost.messages set status = 'sent', external_message_id = ${`sent-${tenant}`} where id = ${sent.id}`
    messages.set(tenant, sent.id)
  }
  await sql`delete from pigeonpost.message_statuses`
  // The youngest last, as they come.
  for (const age of ages.toSorted((a, b) => b - a)) await addAged(sql, messages, age)
  await sql`
    insert into pigeonpost_private.message_spans (tenant_id, last_number, messages, since, until)
    select tenant_id, number, 1, created_at, created_at from pigeonpost.message_statuses
    on conflict on constraint message_spans_pkey do nothing`
  await sql`update pigeonpost_private.log_floor set floor_id = 1000000`
  await sql`update pigeonpost_private.log_cursors set cursor = 1000000`
  return { ...core, messages }
}

async function addAged(sql: Sql, messages: Map<number, string>, age: number): Promise<void> {
  for (const [tenant, message] of messages) {
    await sql`
      with aged as materialized (select now() - ${age} * interval '1 day' as at),
      v7 as (select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(${tenant}::integer), 19, '0'))::uuid as id from aged),
      inbox as (
        insert into pigeonpost.webhook_inbox (tenant_id, channel, path, body, digest, status, received_at, processed_at)
        select ${tenant}, 'x', ${String(age)}, '', sha256(${String(age)}::text::bytea), 'processed', at, at from aged),
      attempts as (
        insert into pigeonpost.delivery_attempts (tenant_id, attempt_id, attempt, message_id, outcome, started_at, error_code)
        select ${tenant}, v7.id, 1, ${message}, 'sent', at, ${String(age)} from aged, v7),
      parked as (
        insert into pigeonpost.parked_updates (tenant_id, channel, external_message_id, "update", created_at)
        select ${tenant}, 'x', ${String(age)}, '{}', at from aged)
      insert into pigeonpost.idempotent_requests (tenant_id, key, request_hash, status, response, created_at)
      select ${tenant}, ${String(age)}, sha256('x'), 200, '{}', at from aged`
    await sql`
      insert into pigeonpost.message_statuses (tenant_id, message_id, status, previous_status, created_at, error_code)
      values (${tenant}, ${message}, 'sent', 'queued', now() - ${age} * interval '1 day', ${String(age)})`
  }
}

/** The ages that are left in a tenant, by kind. */
async function left(sql: Sql, tenant: number): Promise<Record<string, number[]>> {
  const rows = await sql<{ kind: string; age: number }[]>`
    select 'webhook_inbox' as kind, path::integer as age from pigeonpost.webhook_inbox where tenant_id = ${tenant}
    union all select 'delivery_attempts', error_code::integer from pigeonpost.delivery_attempts where tenant_id = ${tenant}
    union all select 'message_statuses', error_code::integer from pigeonpost.message_statuses where tenant_id = ${tenant}
    union all select 'parked_updates', external_message_id::integer from pigeonpost.parked_updates where tenant_id = ${tenant}
    union all select 'idempotent_requests', key::integer from pigeonpost.idempotent_requests where tenant_id = ${tenant}
    order by 2`
  return Object.fromEntries(
    kinds.map((kind) => [kind, rows.filter((row) => row.kind === kind).map(({ age }) => age)]),
  )
}

async function pruneAll(sql: Sql, options: Parameters<typeof prune>[1] = {}): Promise<Pruned[]> {
  const found: Pruned[] = []
  for await (const batch of prune(sql, options)) found.push(...batch)
  return sumPruned(found)
}

const sums = (found: Pruned[]) =>
  Object.fromEntries(found.map(({ tenantId, kind, pruned }) => [`${tenantId} ${kind}`, pruned]))

t.test('what is past its retention goes, what is not stays, of every tenant', async (t) => {
  const { url, sql } = await aged(t, [0, 2, 29, 31, 40, 50, 89, 91, 100, 110])
  const pool = connect(url, { max: 1 })
  t.teardown(() => pool.end())
  const each = {
    webhook_inbox: 7,
    delivery_attempts: 3,
    message_statuses: 3,
    parked_updates: 7,
    idempotent_requests: 9,
  }
  const both = Object.fromEntries(
    [1, 2].flatMap((tenant) => Object.entries(each).map(([kind, n]) => [`${tenant} ${kind}`, n])),
  )
  t.same(sums(await pruneAll(pool, { dryRun: true })), both, 'a dry run counts')
  t.equal((await left(sql, 1))['webhook_inbox']?.length, 10, 'and deletes nothing')
  t.same(sums(await pruneAll(pool, { batch: 2 })), both)
  for (const tenant of [1, 2]) {
    t.same(await left(sql, tenant), {
      webhook_inbox: [0, 2, 29],
      delivery_attempts: [0, 2, 29, 31, 40, 50, 89],
      message_statuses: [0, 2, 29, 31, 40, 50, 89],
      parked_updates: [0, 2, 29],
      idempotent_requests: [0],
    })
  }
  t.ok((await pruneAll(pool)).every(({ pruned }) => pruned === 0))
})

t.test('a statement deletes one batch of each kind', async (t) => {
  const { sql } = await aged(t, [100, 101, 102, 103, 104])
  const batches = prune(sql, { tenantId: 1, batch: 2 })
  const first = await batches.next()
  t.ok(first.value?.every(({ pruned }) => pruned === 2))
  t.same(
    Object.values(await left(sql, 1)),
    kinds.map(() => [100, 101, 102]),
    'the oldest first',
  )
})

t.test('a tenant sets its own retention, and null keeps for ever', async (t) => {
  const { sql } = await aged(t, [3, 100])
  await sql`
    update pigeonpost.tenants set settings = ${sql.json({
      retention: {
        webhook_inbox: 2,
        delivery_attempts: null,
        message_statuses: 1.5,
        idempotent_requests: 7,
      },
    })} where tenant_id = 1`
  const found = await pruneAll(sql)
  t.match(
    found.filter(({ tenantId }) => tenantId === 1),
    [{ days: 2 }, { days: null, pruned: 0 }, { days: 1.5 }, { days: 30 }, { days: 7 }],
  )
  t.same(await left(sql, 1), {
    webhook_inbox: [],
    delivery_attempts: [3, 100],
    message_statuses: [],
    parked_updates: [3],
    idempotent_requests: [3],
  })
  t.same((await left(sql, 2))['delivery_attempts'], [3], 'the other has the defaults')

  for (const wrong of [
    { webhooks: 1 },
    { webhook_inbox: 0 },
    { webhook_inbox: '7' },
    { webhook_inbox: {} },
    { webhook_inbox: [7] },
    { webhook_inbox: 40_000 },
    [],
  ]) {
    t.match(
      await violation(
        sql`update pigeonpost.tenants set settings = ${sql.json({ retention: wrong })} where tenant_id = 1`,
      ),
      { code: '23514', constraint: 'tenants_retention_is_in_days' },
      JSON.stringify(wrong),
    )
  }
})

t.test('a webhook that failed stays, and one whose files are still to be fetched', async (t) => {
  const { sql } = await aged(t, [100, 101])
  const id = async (age: number) =>
    (
      await sql<{ id: string }[]>`
        select id from pigeonpost.webhook_inbox where tenant_id = 1 and path = ${String(age)}`
    )[0]?.id ?? ''
  await sql`update pigeonpost.webhook_inbox set status = 'failed', processed_at = null where tenant_id = 1 and path = '101'`
  await sql`
    insert into pigeonpost_private.media_tasks (tenant_id, kind, subject, created_at)
    select 1, 'fetch', 'x', processed_at from pigeonpost.webhook_inbox where tenant_id = 1 and path = '100'`
  await pruneAll(sql)
  t.same((await left(sql, 1))['webhook_inbox'], [100, 101])
  await sql`delete from pigeonpost_private.media_tasks`
  await pruneAll(sql)
  t.same((await left(sql, 1))['webhook_inbox'], [101])

  const failed = await id(101)
  t.same(await sql`select pigeonpost.dismiss_webhooks(1, ${[failed]}::uuid[]) as id`, [
    { id: failed },
  ])
  await pruneAll(sql)
  t.same((await left(sql, 1))['webhook_inbox'], [101], 'its days begin when it is dismissed')
  await sql`update pigeonpost.webhook_inbox set processed_at = now() - interval '31 days' where id = ${failed}`
  await pruneAll(sql)
  t.same((await left(sql, 1))['webhook_inbox'], [])
})

t.test('attempts and statuses of a message that has not ended stay', async (t) => {
  const { sql, messages } = await aged(t, [100])
  const both = async () => {
    const { delivery_attempts: attempts, message_statuses: statuses } = await left(sql, 1)
    return [...(attempts ?? []), ...(statuses ?? [])]
  }
  const id = messages.get(1) ?? ''
  for (const status of ['queued', 'unknown']) {
    await sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`
      await tx`update pigeonpost.messages set status = ${status} where id = ${id}`
    })
    await pruneAll(sql)
    t.same(await both(), [100, 100], status)
  }
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`update pigeonpost.messages set status = 'delivered' where id = ${id}`
  })
  await sql`update pigeonpost.delivery_attempts set outcome = 'sending' where tenant_id = 1`
  await pruneAll(sql)
  t.same(await both(), [100], 'an attempt that is being made')
})

t.test(
  'a status stays above the floor of the log, and until fold and relay have read it',
  async (t) => {
    const { sql } = await aged(t, [100])
    const [row] = await sql<{ number: number }[]>`
    select number from pigeonpost.message_statuses where tenant_id = 1`
    const number = row?.number ?? 0
    const statuses = async () => (await left(sql, 1))['message_statuses']
    await sql`update pigeonpost_private.log_floor set floor_id = ${number - 1}`
    await pruneAll(sql)
    t.same(await statuses(), [100])
    await sql`update pigeonpost_private.log_floor set floor_id = 1000000`
    for (const name of ['fold', 'relay']) {
      await sql`update pigeonpost_private.log_cursors set cursor = ${number - 1} where tenant_id = 1 and name = ${name}`
      await pruneAll(sql)
      t.same(await statuses(), [100], name)
      await sql`update pigeonpost_private.log_cursors set cursor = 1000000 where tenant_id = 1`
    }
    await pruneAll(sql)
    t.same(await statuses(), [])
  },
)

t.test('what is locked is skipped, not waited for', async (t) => {
  const { sql } = await aged(t, [100, 101])
  const open = await sql.reserve()
  await open`begin`
  await open`select from pigeonpost.webhook_inbox where path = '101' for update`
  await open`select from pigeonpost.idempotent_requests where key = '101' for update`
  await pruneAll(sql)
  t.match(await left(sql, 1), { webhook_inbox: [101], idempotent_requests: [101] })
  await open`rollback`
  open.release()
  await pruneAll(sql)
  t.match(await left(sql, 1), { webhook_inbox: [], idempotent_requests: [] })
})

t.test('a login prunes its own tenants, by the function alone', async (t) => {
  const { sql, login } = await aged(t, [100])
  const app = await login(['pigeonpost_app'], [1])
  await pruneAll(app)
  t.same((await left(sql, 1))['webhook_inbox'], [])
  t.same((await left(sql, 2))['webhook_inbox'], [100])
  t.match(await violation(app`select pigeonpost_private.prune(2)`), {
    code: 'PPT01',
    constraint: 'tenant_is_granted',
  })
  for (const kind of kinds.filter((one) => one !== 'parked_updates')) {
    t.match(await violation(app`delete from pigeonpost.${app(kind)} where tenant_id = 1`), {
      code: '42501',
    })
  }
})

t.test('looking for what is old reads nothing that is young', async (t) => {
  const { sql, messages } = await aged(t, [100])
  const pool = sql
  await pruneAll(pool)
  const message = messages.get(1) ?? ''
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`
      insert into pigeonpost.webhook_inbox (tenant_id, channel, path, body, digest, status, processed_at)
      select 1, 'x', n::text, '', sha256(n::text::bytea), 'processed', now() from generate_series(1, 5000) n`
    await tx`
      insert into pigeonpost.delivery_attempts (tenant_id, attempt_id, attempt, message_id, outcome)
      select 1, pigeonpost.uuid_v7(), 1, ${message}, 'sent' from generate_series(1, 5000)`
    await tx`
      insert into pigeonpost.message_statuses (number, tenant_id, message_id, status, previous_status)
      select 10000 + n, 1, ${message}, 'sent', 'queued' from generate_series(1, 5000) n`
    await tx`
      insert into pigeonpost.parked_updates (tenant_id, channel, external_message_id, "update")
      select 1, 'x', n::text, '{}' from generate_series(1, 5000) n`
    await tx`
      insert into pigeonpost.idempotent_requests (tenant_id, key, request_hash, status, response)
      select 1, n::text, sha256('x'), 200, '{}' from generate_series(1, 5000) n`
  })
  await sql`vacuum analyze`
  await sql.begin(async (tx) => {
    const read = async () =>
      (
        await tx<{ rows: number }[]>`
          select sum(pg_stat_get_xact_tuples_returned(c.oid))::integer as rows from (
            select c.oid from pg_class c where c.oid = any (${kinds.map((kind) => `pigeonpost.${kind}`)}::text[]::regclass[])
            union all
            select x.indexrelid from pg_index x
            where x.indrelid = any (${kinds.map((kind) => `pigeonpost.${kind}`)}::text[]::regclass[])) c`
      )[0]?.rows ?? 0
    const before = await read()
    await tx`select * from pigeonpost_private.prune(1)`
    const rows = (await read()) - before
    t.ok(rows < 100, `${rows} rows and entries read`)
  })
})

t.test('a worker prunes, also one whose login is not the owner', async (t) => {
  const { sql, login } = await aged(t, [0, 100])
  const worker = await login(['pigeonpost_app'], [null])
  const maintenance = startMaintenance({ sql: worker as never, logger: pino({ level: 'silent' }) })
  t.teardown(() => maintenance.stop())
  await waitFor(
    async () =>
      Object.values(await left(sql, 2)).every((ages) => ages.length === 1 && ages[0] === 0),
    { what: 'what is old to go' },
  )
  for (const [kind, ages] of Object.entries(await left(sql, 2))) t.same(ages, [0], kind)
})
