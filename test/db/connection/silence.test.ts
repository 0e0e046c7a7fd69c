import t from 'tap'
import { connect } from '../../../db/connect.ts'
import { testDatabase } from '../../support/database.ts'
import { startProxy } from '../../support/proxy.ts'

t.test('a connection that fell silent is closed, busy or idle, and the pool goes on', async (t) => {
  const { url } = await testDatabase(t)
  const proxy = await startProxy(t, url)
  const sql = connect(proxy.url, { max: 3, silenceMs: 2_000 })
  t.teardown(async () => sql.end({ timeout: 1 }))
  await Promise.all([1, 2, 3].map(async () => sql`select pg_sleep(0.1)`))
  t.equal(proxy.open, 3)
  const waits = sql`select pg_sleep(600)`.execute()
  await sql`select 1`
  proxy.freeze()
  await t.rejects(waits, { code: 'CONNECTION_CLOSED' }, 'it would wait for good')
  // The other two may be tried before they are closed as well.
  let failed = 0
  for (let n = 0; n < 6; n++) await sql`select 1`.catch(() => (failed += 1))
  t.ok(failed <= 2, `${failed} queries met a connection that was dead`)
})

t.test('one that is told to wait does', async (t) => {
  const { url } = await testDatabase(t)
  const sql = connect(url, { max: 1, silenceMs: null })
  t.teardown(async () => sql.end({ timeout: 1 }))
  const [row] = await sql`select 1 as one, pg_sleep(3)`
  t.equal(row?.['one'], 1)
})
