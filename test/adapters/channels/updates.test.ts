import t from 'tap'
import { createPipeline } from './lab.ts'

const noon = 1_793_620_800

t.test('messages and early receipts that come together do not block each other', async (t) => {
  const { sql, store } = await createPipeline(t)
  const webhook = (payload: object) => ({
    channel: 'fakechat',
    payload: { platform: 'fakechat', ...payload },
  })
  for (let round = 0; round < 3; round += 1) {
    const answers = await store(
      Array.from({ length: 200 }, (_, n) => {
        const id = `${round}.${n}`
        return n % 2 === 0
          ? webhook({
              user: { id: `+2783123${1000 + n}` },
              message: { id: `m${id}`, type: 'text', content: 'Hi', timestamp: noon },
            })
          : webhook({ receipt: { message_id: `r${id}`, status: 'delivered', timestamp: noon } })
      }),
    )
    t.ok(answers.every(({ status }) => status === 'processed'))
  }
  t.equal((await sql`select from pigeonpost.messages`).length, 300)
  t.equal((await sql`select from pigeonpost.parked_updates`).length, 300)
  await sql`select pg_stat_clear_snapshot()`
  const [row] =
    await sql`select deadlocks::int from pg_stat_database where datname = current_database()`
  t.equal(row?.['deadlocks'], 0)
})
