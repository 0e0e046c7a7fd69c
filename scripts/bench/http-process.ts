// An HTTP server in a process of its own: ours, or its twin, the same server (its hooks, headers, request ids) with one
// route, which does one bare insert per request on a pool of the same size. Tells its parent {port}.
import { pino } from 'pino'
import { createApp, startApi } from '../../adapters/http/server.ts'
import { connect } from '../../db/connect.ts'
import type { WhatsAppPayload } from './webhooks.ts'

const [kind, url] = process.argv.slice(2)
if (!url || (kind !== 'ours' && kind !== 'twin')) {
  throw new Error('usage: http-process.ts ours|twin URL')
}
const logger = pino({ level: 'error' }, process.stderr)
const server = kind === 'ours' ? await startOurs(url) : await startTwin(url)
process.send?.({ port: Number(new URL(server.url).port) })
const stop = () => void server.close().finally(() => process.exit(0))
process.once('SIGTERM', stop)
process.once('disconnect', stop)

async function startOurs(database: string) {
  return startApi({ url: database, host: '127.0.0.1', port: 0, auth: 'keys', logger })
}

async function startTwin(database: string) {
  const sql = connect(database, { max: 10, name: 'bench twin' })
  const app = createApp(logger)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.post<{ Body: Buffer; Querystring: Record<string, string> }>('/', async ({ body, query }) => {
    const payload = JSON.parse(body.toString('utf8')) as WhatsAppPayload
    const [message] = payload.entry[0].changes[0].value.messages
    await sql`
      insert into bench.bare
        (tenant_id, account_id, conversation_id, thread_id, customer_id, sender_customer_id, channel, direction, status,
         address, external_message_id, content_type, body, sent_at, delivered_at, raw)
      values (1, ${query['account'] ?? ''}, ${query['conversation'] ?? ''}, ${query['thread'] ?? ''},
        ${query['customer'] ?? ''}, ${query['customer'] ?? ''}, 'whatsapp', 'inbound', 'delivered', ${`+${message.from}`},
        ${message.id}, 'text', ${message.text.body}, ${new Date(Number(message.timestamp) * 1000)}, now(), ${sql.json(message)})
      on conflict (tenant_id, external_message_id, conversation_id) do nothing`
    return { success: true }
  })
  const listening = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    url: listening,
    async close() {
      await app.close()
      await sql.end({ timeout: 1 })
    },
  }
}
