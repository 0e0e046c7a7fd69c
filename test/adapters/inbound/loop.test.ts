import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import t from 'tap'
import { providers } from '../../../adapters/channels/registry.ts'
import { startWorker } from '../../../adapters/worker/worker.ts'
import { reach } from '../../support/pooler.ts'
import { waitFor } from '../../support/wait.ts'
import { testApi } from '../http/support/api.ts'

type Request = { path: string; authorization: string; body: Record<string, unknown> }

/** Meta's Graph API, as far as a message goes. */
async function startGraph(t: { teardown(fn: () => unknown): void }) {
  const requests: Request[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
      requests.push({
        path: request.url ?? '',
        authorization: request.headers.authorization ?? '',
        body,
      })
      const id = `wamid.${requests.length}`
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ messaging_product: 'whatsapp', messages: [{ id }] }))
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

t.test(
  'a row that SQL inserts leaves by WhatsApp, its receipts and its answer come back',
  async (t) => {
    const graph = await startGraph(t)
    const { api, sql, database } = await testApi(t, { own: true })
    process.env['TEST_LOOP_SECRET'] = JSON.stringify({ access_token: 'token', app_secret: 'app' })
    const [account] = await sql<{ id: string }[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider, secret_ref, settings, rate_per_minute)
    values (1, 'whatsapp', '+27820000000', 'whatsapp', 'env:TEST_LOOP_SECRET',
      ${sql.json({ phone_number_id: '1065', api_url: graph.url })}, null)
    returning id`
    const worker = await startWorker({
      ...reach(database.url),
      logger: pino({ level: 'silent' }),
      providers: new Map(providers),
    })
    t.teardown(() => worker.stop())
    const webhook = async (value: object) => {
      const metadata = { display_phone_number: '27820000000', phone_number_id: '1065' }
      const entry = [{ id: '1', changes: [{ field: 'messages', value: { metadata, ...value } }] }]
      const body = JSON.stringify({ object: 'whatsapp_business_account', entry })
      const signature = createHmac('sha256', 'app').update(body).digest('hex')
      const response = await fetch(`${api.url}/api/webhooks/whatsapp/${account?.id}`, {
        method: 'POST',
        headers: { 'x-hub-signature-256': `sha256=${signature}` },
        body,
      })
      t.equal(response.status, 200, await response.text())
    }

    await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, body)
    values (1, 'whatsapp', 'outbound', '+27831234567', 'Your order is ready')`
    const sent = async () => {
      const [row] = await sql`
      select id, status, external_message_id, conversation_id from pigeonpost.messages where direction = 'outbound'`
      return row
    }
    await waitFor(async () => (await sent())?.['status'] === 'sent', { what: 'the send' })
    t.equal((await sent())?.['external_message_id'], 'wamid.1')
    t.match(graph.requests, [
      {
        path: /\/1065\/messages$/,
        authorization: 'Bearer token',
        body: { to: '27831234567', type: 'text', text: { body: 'Your order is ready' } },
      },
    ])
    const reference = String(graph.requests[0]?.body['biz_opaque_callback_data'])
    t.match(reference, /^[0-9a-f-]{36}$/)

    const status = (name: string, at: number) =>
      webhook({
        statuses: [
          {
            id: 'wamid.1',
            status: name,
            timestamp: String(at),
            recipient_id: '27831234567',
            biz_opaque_callback_data: reference,
          },
        ],
      })
    await status('read', 1795176060)
    await status('delivered', 1795176030)
    t.equal((await sent())?.['status'], 'read')

    await webhook({
      contacts: [{ profile: { name: 'Thandi' }, wa_id: '27831234567' }],
      messages: [
        {
          from: '27831234567',
          id: 'wamid.in',
          timestamp: '1795176090',
          type: 'text',
          text: { body: 'Thank you' },
          context: { from: '27820000000', id: 'wamid.1' },
        },
      ],
    })
    const [answer] = await sql`
    select conversation_id, reply_to_id, body from pigeonpost.messages where direction = 'inbound'`
    const row = await sent()
    t.match(answer, {
      conversation_id: row?.['conversation_id'],
      reply_to_id: row?.['id'],
      body: 'Thank you',
    })
    t.equal(graph.requests.length, 1, 'and nothing was sent twice')
  },
)
