import { createHmac } from 'node:crypto'
import { Agent, request } from 'node:http'
import { connect, type Sql } from '../../db/connect.ts'
import { startChild } from './child.ts'
import { startRelayProcess } from './relay.ts'
import { interleave, type Outcome } from './rounds.ts'

const conversations = 1000
const atOnce = 50
const appSecret = 'a secret of the benchmark'

/** What Meta posts for one message, less what this does not need. */
export type WhatsAppPayload = {
  object: string
  entry: [
    {
      id: string
      changes: [
        {
          field: string
          value: {
            messaging_product: string
            metadata: { display_phone_number: string; phone_number_id: string }
            contacts: [{ profile: { name: string }; wa_id: string }]
            messages: [
              {
                from: string
                id: string
                timestamp: string
                type: string
                text: { body: string }
              },
            ]
          }
        },
      ]
    },
  ]
}

type Known = {
  address: string
  account_id: string
  conversation_id: string
  thread_id: string
  customer_id: string
}

/**
 * WhatsApp's webhooks over HTTP, 50 at a time, each with its signature verified, kept byte by byte and stored by our
 * server while a relay runs, against a twin that parses the JSON and does one bare insert per request.
 */
export async function benchWebhooks(
  url: string,
  options: { rounds: number; seconds: number; log: (line: string) => void },
): Promise<Outcome> {
  const sql = connect(url, { max: 4, name: 'bench' })
  const known = await prepare(sql)
  process.env['PIGEONPOST_BENCH_SECRET'] = JSON.stringify({ app_secret: appSecret })
  const relay = await startRelayProcess(url)
  const ours = startChild('http-process', ['ours', url])
  const twin = startChild('http-process', ['twin', url])
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  try {
    const [ourPort, twinPort] = await Promise.all([ours.next('port'), twin.next('port')])
    let serial = Date.now() * 1000
    const payload = ({ address }: Known): WhatsAppPayload => {
      const from = address.slice(1)
      const message = {
        from,
        id: `wamid.HBgL${serial++}`,
        timestamp: '1795176000',
        type: 'text',
        text: { body: 'Hello there, how are you today?' },
      }
      const value: WhatsAppPayload['entry'][0]['changes'][0]['value'] = {
        messaging_product: 'whatsapp',
        metadata: { display_phone_number: '27820000000', phone_number_id: '106540352242922' },
        contacts: [{ profile: { name: 'Thandi' }, wa_id: from }],
        messages: [message],
      }
      return {
        object: 'whatsapp_business_account',
        entry: [{ id: '102290129340398', changes: [{ field: 'messages', value }] }],
      }
    }
    const load = async (post: (to: Known) => Promise<void>) => {
      let answered = 0
      const started = performance.now()
      const end = started + options.seconds * 1000
      await Promise.all(
        Array.from({ length: atOnce }, async () => {
          while (performance.now() < end) {
            await post(known[serial % known.length] as Known)
            answered += 1
          }
        }),
      )
      return answered / ((performance.now() - started) / 1000)
    }
    return await interleave(
      'webhooks over HTTP, 50 at a time',
      [
        {
          name: 'a bare insert each',
          run: async () =>
            load(async (to) => {
              const query = new URLSearchParams({
                account: to.account_id,
                conversation: to.conversation_id,
                thread: to.thread_id,
                customer: to.customer_id,
              })
              await send(agent, twinPort, `/?${query.toString()}`, payload(to))
            }),
        },
        {
          name: 'pigeonpost',
          run: async () =>
            load(async (to) =>
              send(agent, ourPort, `/api/webhooks/whatsapp/${to.account_id}`, payload(to)),
            ),
        },
      ],
      [{ name: 'of a bare insert each', of: 'pigeonpost', to: 'a bare insert each', target: 1 }],
      options,
    )
  } finally {
    agent.destroy()
    await Promise.all([ours.stop(), twin.stop(), relay.stop()])
    await sql.end()
  }
}

async function prepare(sql: Sql): Promise<Known[]> {
  await sql`create schema if not exists bench`
  await sql`create table if not exists bench.bare (like pigeonpost.messages including defaults including indexes)`
  await sql`
    insert into pigeonpost.accounts (tenant_id, channel, address, secret_ref, is_default)
    values (1, 'whatsapp', '+27820000000', 'env:PIGEONPOST_BENCH_SECRET', true)`
  await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, body)
    select 1, 'whatsapp', 'inbound', '+2785' || (1000000 + i), 'known' || i, 'first' from generate_series(1, ${conversations}::int) i
    on conflict (tenant_id, external_message_id, conversation_id) do nothing`
  await sql`analyze`
  return sql<Known[]>`
    select address, account_id, conversation_id, thread_id, customer_id from pigeonpost.messages
    where external_message_id like 'known%'`
}

/** @throws where it is not answered with 200 */
async function send(
  agent: Agent,
  port: number,
  path: string,
  payload: WhatsAppPayload,
): Promise<void> {
  const body = JSON.stringify(payload)
  const signature = createHmac('sha256', appSecret).update(body).digest('hex')
  return new Promise((resolve, reject) => {
    const call = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'x-hub-signature-256': `sha256=${signature}`,
        },
      },
      (response) => {
        response.resume()
        response.once('end', () => {
          if (response.statusCode === 200) resolve()
          else reject(new Error(`answered ${response.statusCode}`))
        })
      },
    )
    call.once('error', reject)
    call.end(body)
  })
}
