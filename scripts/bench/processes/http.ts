// An HTTP server in a process of its own: ours, or its twin, the same server (its hooks, headers, request ids) with one
// route per channel, which does one bare insert per request on a pool of the same size. Tells its parent {port}; the twin
// is told its routes, and tells {route}.
import { pino } from 'pino'
import { startApi } from '../../../adapters/http/index.ts'
import { createApp } from '../../../adapters/http/server/server.ts'
import { connect } from '../../../db/connect.ts'
import { webhookChannels } from '../webhook-channels.ts'
import type { TwinRoute } from '../parts/webhooks.ts'

const [kind, url] = process.argv.slice(2)
if (!url || (kind !== 'ours' && kind !== 'twin')) {
  throw new Error('usage: http.ts ours|twin URL')
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
  const routes = new Map<string, TwinRoute>()
  process.on('message', (route: TwinRoute) => {
    routes.set(route.channel, route)
    process.send?.({ route: true })
  })
  app.post<{ Body: Buffer; Params: { channel: string }; Querystring: { values: string } }>(
    '/:channel',
    async ({ body, params, query, headers }) => {
      const route = routes.get(params.channel)
      if (!route) throw new Error(`no route ${params.channel}`)
      const { parse } = webhookChannels[route.channel]
      const { id, text, raw } = await parse(body, headers['content-type'] ?? '')
      const known = ['', ...(JSON.parse(query.values) as string[])]
      const values = route.columns.map((name, i) =>
        name === 'external_message_id'
          ? id
          : name === 'body'
            ? text
            : name === 'raw'
              ? JSON.stringify(raw)
              : (known[i] ?? ''),
      )
      await sql.unsafe(route.text, values, { prepare: true })
      return { success: true }
    },
  )
  const listening = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    url: listening,
    async close() {
      await app.close()
      await sql.end({ timeout: 1 })
    },
  }
}
