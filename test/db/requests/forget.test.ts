import { pino } from 'pino'
import t from 'tap'
import { startMaintenance } from '../../../adapters/worker/maintenance/maintenance.ts'
import { connect } from '../../../db/connect.ts'
import { forgetRequests } from '../../../db/requests/forget.ts'
import { testDatabase } from '../../support/database.ts'
import { waitFor } from '../../support/wait.ts'

const fill = `
  insert into pigeonpost.idempotent_requests (tenant_id, key, request_hash, status, response, created_at)
  select tenant, age || '-' || n, sha256('x'), 200, '{}', now() - age * interval '1 hour'
  from generate_series(1, 2) tenant cross join generate_series(1, 5) n cross join unnest(array[1, 23, 25, 999]) age`

t.test(
  'answers are forgotten after a day and not before, of all tenants, in batches',
  async (t) => {
    const { url, sql } = await testDatabase(t)
    await sql`insert into pigeonpost.tenants (tenant_id) values (1), (2), (3)`
    await sql.unsafe(fill)
    const pool = connect(url, { max: 1 })
    t.teardown(() => pool.end())
    t.equal(await forgetRequests(pool, { batch: 3 }), 20)
    const left = await sql`
    select distinct tenant_id, split_part(key, '-', 1)::integer as age, count(*) over (partition by tenant_id, split_part(key, '-', 1)) as count
    from pigeonpost.idempotent_requests order by 1, 2`
    t.same(
      left.map(({ tenant_id: tenant, age, count }) => [tenant, age, Number(count)]),
      [
        [1, 1, 5],
        [1, 23, 5],
        [2, 1, 5],
        [2, 23, 5],
      ],
    )
    t.equal(await forgetRequests(pool), 0)
  },
)

t.test('a worker forgets them, also one whose login is not the owner', async (t) => {
  const { sql, login } = await testDatabase(t)
  await sql`insert into pigeonpost.tenants (tenant_id) values (1), (2) on conflict do nothing`
  await sql.unsafe(fill)
  const worker = await login(['pigeonpost_app'], [null])
  const left = async () => (await sql`select from pigeonpost.idempotent_requests`).length
  t.equal(await left(), 40)
  const maintenance = startMaintenance({ sql: worker as never, logger: pino({ level: 'silent' }) })
  t.teardown(() => maintenance.stop())
  await waitFor(async () => (await left()) === 20, { what: 'the old ones to go' })
})
