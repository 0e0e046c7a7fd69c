import t from 'tap'
import type { Sql } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { seeded } from '../support/random.ts'

type Row = Record<string, unknown>
type Turn = { on: Sql; tenant: number; pick(n: number): number; n: number }

/** Turns of each worker; with PIGEONPOST_RACE_SECONDS they go on for that long instead. */
const turns = 120
const seconds = Number(process.env['PIGEONPOST_RACE_SECONDS'] ?? 0)
const tenants = [1, 2, 3]
/** Its transaction stays open all the time. */
const held = 4

const core = await testDatabase(t)
const { sql } = core
const tally: Record<string, number> = {}
const count = (what: string, n = 1): void => void (tally[what] = (tally[what] ?? 0) + n)

/** What the README tells its callers to try again is tried again. */
async function persist<T>(what: string, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await work()
      count(what)
      return result
    } catch (error) {
      const { code = '' } = error as { code?: string }
      if (!['40P01', '40001', '55P03'].includes(code) || attempt > 100) throw error
      count(`${what} ${code}`)
    }
  }
}

/** How far the external ids of a tenant are: a writer takes one near it, so that many are written twice, at once. */
const drawn: Record<number, number> = { 1: 10, 2: 10, 3: 10 }
const near = (tenant: number): number => drawn[tenant] ?? 0
function draw({ tenant, pick }: Turn): number {
  drawn[tenant] = near(tenant) + 1
  return near(tenant) + pick(4)
}
const nameOf = (k: number): string => `m-${k}`
/** Its shape goes with its id, as with a channel that delivers twice. New people come all along, or merges left one. */
const shapeOf = (tenant: number, k: number): Row => ({
  tenant_id: tenant,
  channel: 'whatsapp',
  direction: 'inbound',
  address: `+2783${tenant}${100_000 + Math.floor(k / 64) * 3 + (k % 8)}`,
  external_message_id: nameOf(k),
  body: nameOf(k),
  ...(k % 11 === 0 && { media_url: `https://files.example/${k}` }),
  ...(k % 13 === 0 && { conversation_external_id: `${k % 3}@g.us` }),
})
const write = (turn: Turn): Promise<unknown> => {
  const k = draw(turn)
  return receive(turn.on, { tenant: turn.tenant, id: nameOf(k), more: shapeOf(turn.tenant, k) })
}
const outbound = (tenant: number, k: number): Row => {
  const { external_message_id: _, media_url: _file, ...rest } = shapeOf(tenant, k)
  return { ...rest, direction: 'outbound' }
}
function mixed(turn: Turn): Row[] {
  return Array.from({ length: 1 + turn.pick(6) }, (_, n) => {
    const k = draw(turn)
    if (n % 4 === 1) return outbound(turn.tenant, k)
    if (n % 4 === 2) {
      const { media_url: _, conversation_external_id: _group, ...rest } = shapeOf(turn.tenant, k)
      return { ...rest, channel: 'telegram', address: `9000${k % 5}` }
    }
    return shapeOf(turn.tenant, k)
  })
}

const batch = async (turn: Turn): Promise<void> => {
  const answers = await turn.on<{ outcome: string; code: string }[]>`
    select * from pigeonpost.ingest(${turn.on.json(mixed(turn) as never)})`
  for (const { outcome, code } of answers) count(`ingest: ${outcome} ${code ?? ''}`.trim())
}
const webhooks = async (turn: Turn): Promise<void> => {
  const said = { kind: 'receipt', status: 'read' }
  const items = Array.from({ length: 1 + turn.pick(3) }, () => ({
    messages: mixed(turn),
    updates: [{ channel: 'whatsapp', id: nameOf(near(turn.tenant) + turn.pick(4)), said }],
  }))
  await turn.on.begin(async (tx) => {
    await tx`set local role pigeonpost_app`
    await tx`select set_config('pigeonpost.tenant', ${String(turn.tenant)}, true)`
    const [row] = await tx<{ answers: { messages: { outcome: string }[]; error: unknown }[] }[]>`
      select pigeonpost_private.receive(${turn.tenant}, ${tx.json(items as never)}) as answers`
    for (const { messages, error } of row?.answers ?? []) {
      if (error) count(`receive: ${JSON.stringify(error)}`)
      for (const { outcome } of messages) count(`receive: ${outcome}`)
    }
  })
}
const send = async ({ on, tenant, pick, n }: Turn): Promise<void> => {
  await on`insert into pigeonpost.messages ${on(outbound(tenant, near(tenant) - pick(8)) as never)}`
  if (n % 2 === 0) return
  await on`update pigeonpost.messages set status = 'sent', external_message_id = ${`out-${n}`}
    where tenant_id = ${tenant} and id = (select message_id from pigeonpost.outbox where tenant_id = ${tenant} order by random() limit 1)`
}
/** Before its message, after it, and at once with it. */
const receipt = ({ on, tenant, pick, n }: Turn) => {
  const id = n % 5 ? nameOf(near(tenant) + pick(9) - 4) : `out-${n + pick(3) - 1}`
  const update = { kind: 'receipt', status: pick(2) ? 'read' : 'delivered' }
  return on`select pigeonpost.apply_update(${tenant}, 'whatsapp', ${id}, ${on.json(update)})`
}
const archive = ({ on, tenant }: Turn) => on`
  select pigeonpost.archive_thread(${tenant}, (
    select id from pigeonpost.threads where tenant_id = ${tenant} and status = 'active' order by random() limit 1))`
const close = ({ on, tenant }: Turn) => on`
  update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant} and id = (
    select id from pigeonpost.conversations
    where tenant_id = ${tenant} and status <> 'closed' and merged_into is null order by random() limit 1)`
const merge = async ({ on, tenant }: Turn): Promise<void> => {
  const [one, two] = await on<{ id: string }[]>`
    select id from pigeonpost.customers where tenant_id = ${tenant} and merged_into is null order by random() limit 2`
  if (one && two) await on`select pigeonpost.merge_customers(${tenant}, ${one.id}, ${two.id})`
}
const remove = ({ on, tenant }: Turn) => on`
  delete from pigeonpost.messages where tenant_id = ${tenant} and id = (
    select id from pigeonpost.messages where tenant_id = ${tenant} order by number desc offset 3 limit 1)`

/** Every tenth turn of some is what would otherwise leave little to race for. */
const seldom = (every: number, rare: (turn: Turn) => PromiseLike<unknown>) => (turn: Turn) =>
  turn.n % every === 0 ? rare(turn) : write(turn)

const bridge = await core.login(['pigeonpost_bridge'], [1])
const workers: [what: string, work: (turn: Turn) => PromiseLike<unknown>, as?: Sql][] = [
  ['writer', write],
  ['writer', write],
  ['bridge', write, bridge],
  ['ingest', batch],
  ['receive', webhooks],
  ['sender', send],
  ['receipts', receipt],
  ['archiver', seldom(2, archive)],
  ['closer', seldom(3, close)],
  ['merger', seldom(6, merge)],
  ['deleter', seldom(4, remove)],
]

const settings = { deadlock_timeout: '50ms' }
const state = { racing: true }
const read: Record<number, number[]> = { 1: [], 2: [], 3: [], [held]: [] }
const consumed: Record<number, number[]> = { 1: [], 2: [], 3: [] }

/** Reads until nothing is left of what was written before the race ended. */
async function untilRead(next: () => Promise<number>): Promise<void> {
  for (let last = false; ;) {
    const found = await next()
    if (last && found === 0) return
    last = !state.racing
  }
}
function follow(tenant: number): Promise<void> {
  const own = core.connect({ max: 1 })
  const into = read[tenant] ?? []
  return untilRead(async () => {
    const rows = await own<{ id: number }[]>`
      select id from pigeonpost.read_events(${into.at(-1) ?? 0}, ${1 + (into.length % 60)}, ${tenant})`
    into.push(...rows.map(({ id }) => id))
    return rows.length
  })
}
function consume(): Promise<void> {
  const own = core.connect({ max: 1 })
  return untilRead(async () => {
    let found = 0
    for (const tenant of tenants) {
      const rows = await own<
        { id: number }[]
      >`select id from pigeonpost.consume_events('c', ${tenant}, 40)`
      consumed[tenant]?.push(...rows.map(({ id }) => id))
      found += rows.length
    }
    return found
  })
}
/** Holds the notify lock for a while, as a relay does, and not for a while. */
async function notifier(): Promise<void> {
  const own = core.connect({ max: 1 })
  while (state.racing) {
    await own`select pg_advisory_lock(pigeonpost_private.notify_lock_class(), 0)`
    for (let n = 0; n < 20 && state.racing; n += 1) await own`select pg_sleep(0.01)`
    await own`select pg_advisory_unlock(pigeonpost_private.notify_lock_class(), 0)`
    for (let n = 0; n < 5 && state.racing; n += 1) await own`select pg_sleep(0.01)`
  }
}
const fold = async (on: Sql): Promise<number> =>
  persist('fold', async () => Number((await on`select pigeonpost.fold(200) as n`)[0]?.['n']))
async function folder(): Promise<void> {
  const own = core.connect({ max: 1, settings: settings })
  while (state.racing) await fold(own)
}
async function race(): Promise<void> {
  const until = Date.now() + seconds * 1000
  await Promise.all(
    workers.map(async ([what, work, as], worker) => {
      const on = as ?? core.connect({ max: 1, settings: settings })
      const random = seeded(worker + 1)
      const pick = (n: number): number => Math.floor(random() * n)
      for (let n = 1; state.racing && (seconds ? Date.now() < until : n <= turns); n += 1) {
        const tenant = as ? 1 : 1 + pick(3)
        await persist(what, async () => work({ on, tenant, pick, n }))
      }
    }),
  ).finally(() => (state.racing = false))
}

const wrong: Record<string, string> = {
  'two active threads of a conversation': `
    select conversation_id from pigeonpost.threads where tenant_id = $1 and status = 'active' group by 1 having count(*) > 1`,
  'an active thread that never had a message': `
    select t.id from pigeonpost.threads t where t.tenant_id = $1 and t.status = 'active'
      and not exists (select from pigeonpost.messages m where m.tenant_id = $1 and m.thread_id = t.id)
      and not exists (select from pigeonpost.events e where e.tenant_id = $1 and e.type = 'message.removed' and e.thread_id = t.id)`,
  'a parked update whose message is here': `
    select p.external_message_id from pigeonpost.parked_updates p join pigeonpost.messages m
      on m.tenant_id = p.tenant_id and m.external_message_id = p.external_message_id and m.channel = p.channel where p.tenant_id = $1`,
  'a message without its thread': `
    select m.id from pigeonpost.messages m left join pigeonpost.threads t
      on t.tenant_id = m.tenant_id and t.id = m.thread_id and t.conversation_id = m.conversation_id
    where m.tenant_id = $1 and t.id is null`,
  'an outbox that is not what is queued': `
    select m.id, m.status, o.state from (select * from pigeonpost.messages where tenant_id = $1) m
    full join (select * from pigeonpost.outbox where tenant_id = $1) o on o.message_id = m.id
    where (o.message_id is not null) is distinct from coalesce(m.status = 'queued', false)`,
  'a message that is stored twice': `
    select external_message_id from pigeonpost.messages where tenant_id = $1 and external_message_id is not null
    group by external_message_id, conversation_id having count(*) > 1`,
  'counters of a conversation': `
    select c.id, c.total_messages, c.unread_count, to_jsonb(x) as exact from pigeonpost.conversations c
    cross join lateral pigeonpost.conversation_counters(c.tenant_id, c.id) x
    where c.tenant_id = $1 and (c.total_messages, c.unread_count, c.last_message_at) is distinct from (x.total_messages, x.unread_count, x.last_message_at)`,
  'counters of a customer': `
    select c.id, c.total_messages, c.unread_count, to_jsonb(x) as exact from pigeonpost.customers c
    cross join lateral pigeonpost.customer_counters(c.tenant_id, c.id) x
    where c.tenant_id = $1 and (c.total_messages, c.unread_count, c.last_message_at) is distinct from (x.total_messages, x.unread_count, x.last_message_at)`,
  counts: `
    with real as (
      select tenant_id, account_id, direction, content_type, status, count(*)::bigint as messages
      from pigeonpost.messages where tenant_id = $1 group by 1, 2, 3, 4, 5),
    counted as (select tenant_id, account_id, direction, content_type, status, messages::bigint from pigeonpost_private.read_counts($1))
    (table real except table counted) union all (table counted except table real)`,
}

t.test('the whole heart, raced: nothing is lost, twice, out of order or miscounted', async (t) => {
  await sql`insert into pigeonpost.tenants (tenant_id) select generate_series(1, 4) on conflict do nothing`
  // Else it would hold the notify lock along with the others that notify, and no relay could take it from it.
  const long = core.connect({ max: 1, settings: { 'pigeonpost.notify': 'off' } })
  await long`begin`
  const late = await receive(long, { tenant: held, id: 'held' })
  await Promise.all([race(), ...tenants.map(follow), follow(held), consume(), notifier(), folder()])
  while (await fold(sql));

  for (const tenant of tenants) {
    const log = (
      await sql<
        { id: number }[]
      >`select id from pigeonpost.event_log where tenant_id = ${tenant} order by id`
    ).map(({ id }) => id)
    count('events', log.length)
    t.ok(log.length > 200, `${log.length} events of ${tenant}`)
    t.same(read[tenant], log, `all that ${tenant} has is read once and in order, with ${held} open`)
    t.same(consumed[tenant], log, 'and consumed')
    for (const [what, query] of Object.entries(wrong))
      t.same(await sql.unsafe(query, [tenant]), [], `${tenant}: never ${what}`)
    const [kinds] = await sql<{ own: number; other: number; removed: number }[]>`
      select count(*) filter (where is_own_event) as own, count(*) filter (where is_own_event is not true) as other,
        (select count(*) from pigeonpost.events where tenant_id = ${tenant} and type = 'message.removed') as removed
      from pigeonpost.messages where tenant_id = ${tenant}`
    for (const [what, n] of Object.entries(kinds ?? {})) {
      count(`messages: ${what}`, n)
      t.ok(n > 0, `${tenant}: ${n} ${what}`)
    }
  }
  t.same(
    Object.keys(tally).filter((what) => /refused|null|code/.test(what)),
    [],
  )
  t.same(await bridge`select distinct tenant_id from pigeonpost.messages`, [{ tenant_id: 1 }])

  t.same(read[held], [], 'nothing of a transaction that is open')
  await long`commit`
  await follow(held)
  t.ok(read[held]?.length, 'and all when it is committed')
  t.ok(
    Number(late?.number) < Math.max(...tenants.map((tenant) => read[tenant]?.at(-1) ?? 0)),
    'though its number is an early one',
  )
  t.comment(JSON.stringify(tally))
})
