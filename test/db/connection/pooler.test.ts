import t from 'tap'
import { begin } from '../../../db/begin.ts'
import { connect, holdsSessions } from '../../../db/connect.ts'
import { migrate } from '../../../db/migrate.ts'
import { testDatabase } from '../../support/database.ts'
import { noPooler, startPooler, through } from '../../support/pooler.ts'

t.test('a pooler is known by its ways', { skip: noPooler }, async (t) => {
  const { url } = await testDatabase(t)
  for (const [mode, holds] of [
    ['transaction', false],
    ['session', true],
  ] as const) {
    const pooler = await startPooler(url, mode)
    t.teardown(async () => pooler.stop())
    const sql = connect(through(pooler, url), { max: 4 })
    t.teardown(async () => sql.end({ timeout: 1 }))
    t.equal(await holdsSessions(sql), holds, mode)
    // Prepared statements do not hold where a session does not: each of these would be another's.
    const rows = Array.from({ length: 200 }, (_, n) =>
      begin(sql, async (tx) => {
        const [row] = await tx<{ twice: number }[]>`select 2 * ${n}::integer as twice`
        return row?.twice
      }),
    )
    t.same(
      await Promise.all(rows),
      Array.from({ length: 200 }, (_, n) => 2 * n),
    )
  }
  const sql = connect(url)
  t.teardown(async () => sql.end({ timeout: 1 }))
  t.equal(await holdsSessions(sql), true, 'the server itself')
})

t.test('what needs a session says so', { skip: noPooler }, async (t) => {
  const { url } = await testDatabase(t)
  const pooler = await startPooler(url)
  t.teardown(async () => pooler.stop())
  await t.rejects(migrate({ url: through(pooler, url) }), {
    name: 'InvalidInputError',
    details: { code: 'pooler', field: 'DATABASE_DIRECT_URL' },
  })
})
