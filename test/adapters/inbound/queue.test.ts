import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createFakechatProvider } from '../../../adapters/channels/index.ts'
import { receiveWebhook } from '../../../adapters/inbound/index.ts'
import { connect } from '../../../db/connect.ts'
import { testDatabase } from '../../support/database.ts'
import { waitFor } from '../../support/wait.ts'
import { beginSending } from '../../support/outbox.ts'

t.test(
  'what the simulator reports moves the message to read, and its reply joins the conversation',
  async (t) => {
    const { url, sql } = await testDatabase(t)
    const pool = connect(url, { max: 2 })
    const dataFolder = await mkdtemp(join(tmpdir(), 'pigeonpost-test-'))
    const provider = createFakechatProvider({
      dataFolder,
      deliver: (webhook) => receiveWebhook(pool, { ...webhook, channel: 'fakechat' }),
      warn: (error) => t.fail('a webhook was not taken', { error }),
    })
    t.teardown(async () => {
      await provider.close()
      await pool.end()
      await rm(dataFolder, { recursive: true })
    })
    const [row] = await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, body)
    values (3, 'fakechat', 'outbound', '+27831234567', 'Hello #reply') returning id, account_id`
    const outcome = await provider.send(
      {
        id: row?.['id'],
        attemptId: row?.['id'],
        attempt: 1,
        address: '+27831234567',
        conversationExternalId: null,
        contentType: 'text',
        body: 'Hello #reply',
        mediaUrl: null,
        replyTo: null,
        metadata: {},
      },
      {
        account: {
          tenantId: 3,
          accountId: row?.['account_id'],
          channel: 'fakechat',
          address: null,
          provider: 'fakechat',
          settings: {},
          secret: null,
        },
        signal: AbortSignal.timeout(60_000),
        publicUrl: null,
      },
    )
    if (outcome.outcome !== 'sent') return t.fail('not sent')

    // The receipts come before our commit: they wait for the external id.
    await waitFor(async () => (await sql`select from pigeonpost.parked_updates`).length === 2, {
      what: 'both receipts',
    })
    await sql`
    update pigeonpost.messages set status = 'sent', external_message_id = ${outcome.externalMessageId}
    where direction = 'outbound'`
    const [sent] =
      await sql`select status, delivered_at, read_at from pigeonpost.messages where direction = 'outbound'`
    t.equal(sent?.['status'], 'read')
    t.ok(sent?.['delivered_at'] < sent?.['read_at'])

    const replies = () =>
      sql`select address, external_message_id, body from pigeonpost.messages where direction = 'inbound'`
    await waitFor(async () => (await replies()).length === 1, { what: 'the reply' })
    t.match(await replies(), [
      { address: '+27831234567', external_message_id: `${outcome.externalMessageId}_reply` },
    ])
    t.equal((await sql`select from pigeonpost.threads`).length, 1)
  },
)

t.test(
  'a webhook for a channel that is not there is refused before anything is read',
  async (t) => {
    const { url } = await testDatabase(t)
    const pool = connect(url, { max: 1 })
    t.teardown(() => pool.end())
    const request = {
      method: 'POST',
      url: '/',
      path: '/',
      query: {},
      receivedAt: new Date(),
      headers: {},
      body: Buffer.from('{}'),
    }
    await t.rejects(receiveWebhook(pool, { tenantId: 1, channel: 'pigeon', request }), {
      message: /pigeon/,
      details: { code: 'channel_unknown', field: 'channel' },
    })
  },
)

t.test('what hands back our attempt id settles the message that it speaks of', async (t) => {
  const { url, sql } = await testDatabase(t)
  const pool = connect(url, { max: 2 })
  t.teardown(() => pool.end())
  const queued = async () => {
    const [row] = await sql`
      insert into pigeonpost.messages (tenant_id, channel, direction, address, body)
      values (3, 'fakechat', 'outbound', '+27831234567', 'Hello') returning id`
    await beginSending(sql, row?.['id'], { attemptId: row?.['id'] })
    await sql`update pigeonpost.messages set status = 'unknown' where id = ${row?.['id']}`
    return String(row?.['id'])
  }
  const post = (payload: object) =>
    receiveWebhook(pool, {
      tenantId: 3,
      channel: 'fakechat',
      request: {
        method: 'POST',
        url: '/',
        path: '/',
        query: {},
        receivedAt: new Date(),
        headers: {},
        body: Buffer.from(JSON.stringify({ platform: 'fakechat', ...payload })),
      },
    })
  const all = () =>
    sql`select id, status, external_message_id from pigeonpost.messages order by number`

  const first = await queued()
  const receipt = { message_id: 'fc_1', status: 'delivered', timestamp: 1733768400 }
  const { updates } = await post({ receipts: [{ ...receipt, reference: first }] })
  t.same(updates, [{ externalMessageId: 'fc_1', result: 'applied' }])
  t.same([...(await all())], [{ id: first, status: 'delivered', external_message_id: 'fc_1' }])

  const second = await queued()
  const echo = {
    user: { id: '+27831234567' },
    message: { id: 'fc_2', from_me: true, content: 'Hello', timestamp: 1733768400 },
  }
  const { messages } = await post({ ...echo, message: { ...echo.message, reference: second } })
  t.same(messages, [{ id: second, externalMessageId: 'fc_2', duplicate: true }])
  t.same((await all())[1], { id: second, status: 'sent', external_message_id: 'fc_2' })

  const elsewhere = { ...echo.message, id: 'fc_3', reference: 'of another system' }
  t.match((await post({ ...echo, message: elsewhere })).messages, [{ duplicate: false }])
  t.equal((await all()).length, 3)
})
