import t from 'tap'
import type { Db } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { newId, newPhone, newTenant, type Row, store } from '../support/messages.ts'
import { rule } from '../support/rules.ts'

const { sql, connect } = await testDatabase(t)

async function counted(on: Db, tenant: number | null = null): Promise<Row[]> {
  return on<Row[]>`
    select * from pigeonpost_private.read_counts(${tenant}) order by tenant_id, account_id, direction, content_type, status`
}

async function real(on: Db, tenant: number | null = null): Promise<Row[]> {
  return on<Row[]>`
    select tenant_id, account_id, direction, content_type, status, count(*) as messages from pigeonpost.messages
    where ${tenant}::integer is null or tenant_id = ${tenant}
    group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`
}

async function fold(): Promise<void> {
  for (;;) {
    const [row] = await sql<{ folded: number }[]>`select pigeonpost.fold(50) as folded`
    if (!row?.folded) return
  }
}

const contentTypes = ['text', 'image', 'file', 'location'] as const

/** Something that happens to messages, at random. */
async function happen(on: Db, tenant: number, phone: string, n: number): Promise<void> {
  const content_type = contentTypes[n % 4]
  const base = { tenant_id: tenant, address: phone, body: 'x', content_type }
  switch (n % 9) {
    case 0:
      await store(on, { ...base, direction: 'inbound', external_message_id: newId() })
      break
    case 1:
      await store(on, { ...base, direction: 'outbound', status: n % 2 ? 'delivered' : 'failed' })
      break
    case 2:
      await store(on, { ...base, direction: 'outbound' })
      await store(on, { ...base, direction: 'system', status: 'read' })
      break
    case 3:
      await store(on, {
        ...base,
        direction: 'outbound',
        scheduled_for: new Date(Date.now() + 3_600_000),
      })
      break
    case 4:
      await on`update pigeonpost.messages set status = 'read' where tenant_id = ${tenant} and direction = 'inbound'`
      break
    case 5:
      await on`update pigeonpost.messages set status = 'sending' where tenant_id = ${tenant} and status = 'queued'`
      await on`update pigeonpost.messages set status = 'sent', external_message_id = ${newId()}, content_type = 'video'
        where id = (select id from pigeonpost.messages where tenant_id = ${tenant} and status = 'sending' limit 1)`
      break
    case 6:
      await on`update pigeonpost.messages set content_type = 'structured'
        where id = (select id from pigeonpost.messages where tenant_id = ${tenant} order by random() limit 1)`
      break
    case 7:
      await on`delete from pigeonpost.messages
        where id = (select id from pigeonpost.messages where tenant_id = ${tenant} order by random() limit 1)`
      break
    default:
      await on`select * from pigeonpost.ingest(${sql.json([
        { ...base, direction: 'inbound', external_message_id: newId(), status: 'read' },
        { ...base, direction: 'inbound', external_message_id: newId() },
        { ...base, direction: 'outbound' },
      ] as never)})`
  }
}

t.test(
  'the counts are those of the messages, whatever happens to them and however far they are folded',
  async (t) => {
    const tenants = [newTenant(), newTenant()]
    const phones = [newPhone(), newPhone(), newPhone()]
    for (let n = 0; n < 120; n += 1) {
      await happen(sql, tenants[n % 2] ?? 1, phones[n % 3] ?? '', n)
      if (n % 40 === 20) await fold()
      if (n % 10 === 0)
        t.strictSame([...(await counted(sql))], [...(await real(sql))], `after ${n}`)
    }
    t.strictSame([...(await counted(sql))], [...(await real(sql))], 'not folded')
    await fold()
    t.strictSame([...(await counted(sql))], [...(await real(sql))], 'folded')
    const [tail] = await sql<Row[]>`
    select count(c.*) from unnest(${tenants}::integer[]) t (id)
    cross join lateral pigeonpost_private.count_changes(t.id, pigeonpost_private.folded_id(t.id), 9223372036854775807) c`
    t.equal(tail?.['count'], 0, 'from the folded ones alone')
    const [first = 0] = tenants
    t.strictSame([...(await counted(sql, first))], [...(await real(sql, first))], 'of one tenant')
  },
)

t.test('they are exact in every snapshot, while others write and fold', async (t) => {
  const tenant = newTenant()
  const writers = connect({ max: 4 })
  const writing = new AbortController()
  const work = Promise.all(
    [0, 1, 2].map(async (writer) => {
      const phone = newPhone()
      for (let n = 0; n < 60; n += 1) await happen(writers, tenant + writer * 10_000, phone, n)
    }),
  ).finally(() => writing.abort())
  const folding = (async () => {
    while (!writing.signal.aborted) await sql`select pigeonpost.fold(20)`
  })()
  let looks = 0
  do {
    await sql.begin('isolation level repeatable read read only', async (tx) => {
      t.strictSame([...(await counted(tx as Db))], [...(await real(tx as Db))])
    })
    looks += 1
  } while (!writing.signal.aborted)
  await Promise.all([work, folding])
  t.ok(looks > 1)
})

t.test('a merge that drops second copies is counted', async (t) => {
  const tenant_id = newTenant()
  const [one, two] = [newPhone(), newPhone()]
  const a = await store(sql, { tenant_id, address: one, external_message_id: 'twice' })
  const b = await store(sql, { tenant_id, address: two, external_message_id: 'twice' })
  await fold()
  await sql`select pigeonpost.merge_customers(${tenant_id}, ${a.customer_id}, ${b.customer_id})`
  const [left] = await sql<
    Row[]
  >`select count(*) from pigeonpost.messages where tenant_id = ${tenant_id}`
  t.equal(left?.['count'], 1)
  t.strictSame([...(await counted(sql, tenant_id))], [...(await real(sql, tenant_id))])
})

for (const [what, trigger, change] of [
  ['removal', '500_leave_events', 'delete from pigeonpost.messages where tenant_id = '],
  [
    'change of type',
    '550_reclassify',
    `update pigeonpost.messages set content_type = 'file' where tenant_id = `,
  ],
] as const) {
  t.test(`a ${what} is counted`, async (t) => {
    const tenant_id = newTenant()
    await store(sql, { tenant_id, address: newPhone() })
    await rule(t, sql, what, `drop trigger "${trigger}" on pigeonpost.messages`, async (tx) => {
      await tx.unsafe(change + String(tenant_id))
      return (
        JSON.stringify(await counted(tx, tenant_id)) === JSON.stringify(await real(tx, tenant_id))
      )
    })
  })
}
