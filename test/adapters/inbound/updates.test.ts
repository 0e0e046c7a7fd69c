import t from 'tap'
import { peer as baileys } from '../channels/baileys/peer.ts'
import { createPipeline } from '../channels/lab.ts'

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

t.test('an update that cannot be stored does not cost what came with it', async (t) => {
  const { sql, store } = await createPipeline(t)
  const [from, at] = [baileys.person(1), new Date(noon * 1000)]
  const [one, two] = [baileys.id(1), baileys.id(2)]
  const payload = [
    baileys.text({ id: one, from, body: 'Helo', at }),
    baileys.edit?.({ id: one, from, body: 'x'.repeat(1_048_577), at }),
    baileys.receipt?.({ id: two, to: from, status: 'delivered', at }),
  ].flatMap((request) => JSON.parse(String(request?.body)))
  const [answer] = await store([{ channel: 'baileys', payload }])
  t.match(answer, {
    status: 'failed',
    messages: [{ externalMessageId: one, duplicate: false }],
    updates: [{ externalMessageId: two, result: 'parked' }],
    error: { name: 'InvalidInputError', field: 'body' },
  })
  t.match(await sql`select body from pigeonpost.messages`, [{ body: 'Helo' }])
  t.match(await sql`select status, error_field from pigeonpost.webhook_inbox`, [
    { status: 'failed', error_field: 'body' },
  ])
})
