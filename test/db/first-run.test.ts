import t from 'tap'
import { connect } from '../../db/connect.ts'
import { prepareFirstRun } from '../../db/first-run.ts'
import { createKey } from '../../db/keys/create.ts'
import { scopes } from '../../db/keys/scopes.ts'
import { testDatabase } from '../support/database.ts'

t.test('the key of the last start is kept while it may do everything', async (t) => {
  const { url } = await testDatabase(t)
  const sql = connect(url, { max: 2 })
  t.teardown(() => sql.end({ timeout: 1 }))
  const first = await prepareFirstRun(sql, undefined)
  t.equal(first.newKey, true)
  t.same(await prepareFirstRun(sql, first.key), { key: first.key, newKey: false })
  const narrow = await createKey(sql, { tenantId: 1, name: 'older', scopes: ['messages:read'] })
  const second = await prepareFirstRun(sql, narrow.key)
  t.equal(second.newKey, true, 'one that was made before a scope was there is not')
  const [row] =
    await sql`select scopes from pigeonpost.api_keys where prefix = ${second.key.slice(0, 9)}`
  t.same(row?.['scopes'], scopes)
})
