import t, { type Test } from 'tap'
import { receive } from '../../../../adapters/channels/discord/receive.ts'
import {
  type BridgeEvent,
  type BridgeOptions,
  postEvents,
  standardIntents,
  startBridge,
} from '../../../../adapters/channels/discord/index.ts'
import { startProviderServer } from '../../../support/provider.ts'
import { waitFor } from '../../../support/wait.ts'
import { type Connection, type GatewayServer, startGatewayServer } from './gateway-server.ts'
import { botToken, discordPeer } from './peer.ts'

const hello = { op: 10, d: { heartbeat_interval: 60_000 } }
const ready = (server: () => GatewayServer, id = 'session-1') => ({
  op: 0,
  s: 1,
  t: 'READY',
  d: { v: 10, session_id: id, resume_gateway_url: `${server().gateway}/resumed`, guilds: [] },
})
const message = (id: string, channel_id = '7') => ({
  id,
  channel_id,
  author: { id: '80351110224678912', username: 'ann' },
  content: `message ${id}`,
  timestamp: '2024-12-09T18:20:00+00:00',
})
const created = (s: number, id: string, more: object = {}) => ({
  op: 0,
  s,
  t: 'MESSAGE_CREATE',
  d: { ...message(id), guild_id: '9', ...more },
})
const channel7 = { id: '7', type: 0, name: 'general', guild_id: '9' }

function start(t: Test, server: GatewayServer, change: Partial<BridgeOptions> = {}) {
  const events: BridgeEvent[] = []
  const warnings: string[] = []
  const bridge = startBridge({
    token: botToken,
    gatewayUrl: server.gateway,
    apiUrl: server.api,
    firstWait: 10,
    deliver: async (batch) => void events.push(...batch),
    warn: (error) => warnings.push(String(error)),
    ...change,
  })
  t.teardown(() => bridge.close())
  const ids = () =>
    events.flatMap(({ t, d }) => (t === 'MESSAGE_CREATE' ? [(d as { id: string }).id] : []))
  return { bridge, events, warnings, ids }
}

/** What a client says first after the hello. */
async function first(connection: () => Connection | undefined) {
  const said = () => connection()?.heard.find(({ op }) => op === 2 || op === 6)
  await waitFor(() => said() !== undefined, { what: 'identify or resume' })
  return said()
}

t.test(
  'it identifies, and events come with the time and what is known of the channel',
  async (t) => {
    const server: GatewayServer = await startGatewayServer(
      t,
      (client) => {
        client.say(hello)
        client.say(ready(() => server))
        const channels = [{ id: '7', type: 0, name: 'general', permission_overwrites: [] }]
        client.say({ op: 0, s: 2, t: 'GUILD_CREATE', d: { id: '9', channels } })
        client.say({ op: 0, s: 3, t: 'TYPING_START', d: { channel_id: '7' } })
        client.say(created(4, '100'))
        client.say(created(5, '101', { channel_id: '8', guild_id: undefined }))
      },
      (path) =>
        path === '/channels/8'
          ? { status: 200, json: { id: '8', type: 1, recipients: [{ id: '5', username: 'bo' }] } }
          : { status: 404, json: {} },
    )
    const before = new Date().toISOString()
    const { events } = start(t, server)
    await waitFor(() => events.length === 2, { what: 'two events' })
    t.match(await first(() => server.connections[0]), {
      op: 2,
      d: { token: botToken, intents: standardIntents, properties: { browser: 'pigeonpost' } },
    })
    t.match(server.connections[0]?.url, /\?v=10&encoding=json$/)
    t.match(events, [
      { t: 'MESSAGE_CREATE', d: { id: '100' }, channel: channel7 },
      { t: 'MESSAGE_CREATE', d: { id: '101' }, channel: { type: 1, recipients: [{ id: '5' }] } },
    ])
    t.ok(events.every(({ at }) => at >= before))
    t.same(server.asked, ['/channels/8'], 'a channel of a guild that was introduced is known')
    const account = { tenantId: 1, accountId: 'a', ...discordPeer.account }
    const body = Buffer.from(JSON.stringify(events))
    const request = {
      method: 'POST',
      url: '',
      path: '',
      query: {},
      receivedAt: new Date(),
      headers: {},
      body,
    }
    t.match(receive(request, account), {
      messages: [
        { conversationExternalId: '7', groupName: 'general' },
        { address: '80351110224678912' },
      ],
      problems: [],
    })
  },
)

t.test('it keeps the connection alive, and leaves one that has died', async (t) => {
  const server: GatewayServer = await startGatewayServer(t, (client, nth) => {
    client.say({ op: 10, d: { heartbeat_interval: 20 } })
    if (nth > 1) return
    client.say(ready(() => server))
    client.say({ op: 1, d: null })
  })
  const { warnings } = start(t, server)
  const beats = () => server.connections[0]?.heard.filter(({ op }) => op === 1) ?? []
  await waitFor(() => beats().length >= 2, { what: 'the beat asked for, and one of its own' })
  t.equal(beats().at(-1)?.d, 1, 'a heartbeat says the last event')
  await waitFor(() => server.connections.length > 1, { what: 'a second connection' })
  t.match(warnings[0], /no heartbeat was acknowledged/)
  t.match(await first(() => server.connections[1]), { op: 6 }, 'and resumes')
})

t.test('a heartbeat that is acknowledged keeps the connection', async (t) => {
  // The heart beats when the test says so: on a busy machine an answer may come later than any interval.
  const interval = 41_250
  let beat: (() => void) | undefined
  const { setTimeout: original } = globalThis
  globalThis.setTimeout = ((
    run: (...given: unknown[]) => void,
    ms?: number,
    ...given: unknown[]
  ) => {
    if (given[0] !== interval) return original(run, ms, ...given)
    beat = () => run(...given)
    return original(() => {}, 0)
  }) as typeof setTimeout
  t.teardown(() => {
    globalThis.setTimeout = original
  })
  const server: GatewayServer = await startGatewayServer(t, (client) => {
    client.say({ op: 10, d: { heartbeat_interval: interval } })
    client.say(ready(() => server))
  })
  const { ids } = start(t, server, { lastMessages: {} })
  await first(() => server.connections[0])
  const [client] = server.connections
  for (const nth of [1, 2, 3]) {
    beat?.()
    const beats = () => client?.heard.filter(({ op }) => op === 1).length
    await waitFor(() => beats() === nth, { what: `heartbeat ${nth}` })
    client?.say({ op: 11, d: null })
    client?.say(created(nth + 1, String(100 + nth)))
    await waitFor(() => ids().length === nth, { what: 'what came after the answer' })
  }
  t.equal(server.connections.length, 1)
})

t.test('what breaks off is resumed where it was, at the place it was told', async (t) => {
  const ends: ((client: Connection) => void)[] = [
    (client) => client.cut(),
    (client) => client.close(4000),
    (client) => client.say({ op: 7, d: null }),
    (client) => client.say({ op: 9, d: true }),
  ]
  const server: GatewayServer = await startGatewayServer(t, (client, nth) => {
    client.say(hello)
    client.say(nth === 1 ? ready(() => server) : { op: 0, s: nth * 10, t: 'RESUMED', d: {} })
    client.say(created(nth * 10 + 1, String(100 + nth)))
    setImmediate(() => ends[nth - 1]?.(client))
  })
  const { ids } = start(t, server, { lastMessages: {} })
  await waitFor(() => ids().length === 5, { what: 'five messages' })
  t.same(ids(), ['101', '102', '103', '104', '105'])
  for (const nth of [2, 3, 4, 5]) {
    t.match(server.connections[nth - 1]?.url, /^\/resumed\/\?v=10/)
    t.match(await first(() => server.connections[nth - 1]), {
      op: 6,
      d: { token: botToken, session_id: 'session-1', seq: (nth - 1) * 10 + 1 },
    })
  }
})

t.test('what a lost session missed is asked for, page by page, oldest first', async (t) => {
  const missed = Array.from({ length: 101 }, (_, i) => message(String(102 + i)))
  const server: GatewayServer = await startGatewayServer(
    t,
    (client, nth) => {
      client.say(hello)
      client.say(ready(() => server, `session-${nth}`))
      if (nth === 1) client.say(created(2, '101'))
    },
    (path) => {
      if (path === '/channels/7') return { status: 200, json: channel7 }
      const after = Number(/after=(\d+)/.exec(path)?.[1])
      const rest = missed.filter(({ id }) => Number(id) > after).slice(0, 100)
      return { status: 200, json: rest.toReversed() }
    },
  )
  const { events, ids } = start(t, server)
  await waitFor(() => ids().length === 1, { what: 'the first message' })
  server.connections[0]?.say({ op: 9, d: false })
  await waitFor(() => ids().length === 102, { what: 'what was missed' })
  t.match(await first(() => server.connections[1]), { op: 2 }, 'a session of its own')
  t.same(
    ids(),
    Array.from({ length: 102 }, (_, i) => String(101 + i)),
  )
  t.same(
    server.asked.filter((path) => path.includes('after')),
    ['/channels/7/messages?after=101&limit=100', '/channels/7/messages?after=201&limit=100'],
  )
  t.match(events.at(-1)?.channel, { guild_id: '9' }, 'a message by REST does not say its guild')
})

t.test('what came since the last message that is known is asked for at the start', async (t) => {
  let answers = [
    { status: 429, json: { message: 'slow', retry_after: 0.01 } },
    { status: 500, json: {} },
    { status: 200, json: [message('103'), message('102')] },
  ]
  const server: GatewayServer = await startGatewayServer(
    t,
    () => {},
    (path) => {
      if (path === '/channels/7') return { status: 200, json: channel7 }
      if (path.startsWith('/channels/8')) return { status: 403, json: {} }
      const [next, ...rest] = answers
      answers = rest
      return next ?? { status: 200, json: [] }
    },
  )
  const { ids, warnings } = start(t, server, { lastMessages: { 8: '1', 7: '101' } })
  await waitFor(() => ids().length === 2, { what: 'two messages' })
  t.same(ids(), ['102', '103'])
  t.match(warnings, [/HTTP 500/], 'a channel that is closed to the bot is no trouble')
})

t.test('events that were not taken come again, in order', async (t) => {
  const server: GatewayServer = await startGatewayServer(t, (client) => {
    client.say(hello)
    client.say(ready(() => server))
    client.say({ op: 0, s: 2, t: 'CHANNEL_UPDATE', d: channel7 })
    client.say(created(3, '101'))
    client.say(created(4, '102'))
  })
  const taken: unknown[] = []
  let refusals = 2
  const webhook = await startProviderServer(t, (body, response, { headers }) => {
    t.equal(headers['x-pigeonpost-token'], 'bridge-token')
    if (refusals-- > 0) return void response.writeHead(503).end()
    taken.push(...(JSON.parse(body) as unknown[]))
    response.end('{}')
  })
  const { warnings } = start(t, server, { deliver: postEvents(webhook.url, 'bridge-token') })
  await waitFor(() => taken.length === 3, { what: 'three events' })
  t.match(taken, [{ t: 'CHANNEL_UPDATE' }, { d: { id: '101' } }, { d: { id: '102' } }])
  t.equal(warnings.filter((warning) => /HTTP 503/.test(warning)).length, 2)
})

t.test('a token that Discord refuses ends it, and so does closing', async (t) => {
  const server: GatewayServer = await startGatewayServer(t, (client) => {
    client.say(hello)
    client.close(4004)
  })
  await t.rejects(start(t, server).bridge.done, /4004/)
  const quiet = await startGatewayServer(t, (client) => client.say(hello))
  const { bridge } = start(t, quiet)
  await first(() => quiet.connections[0])
  await bridge.close()
  await bridge.done
  t.equal(quiet.connections.length, 1)
})

t.test('a frame that cannot be read ends the connection, not the bridge', async (t) => {
  const server: GatewayServer = await startGatewayServer(t, (client, nth) => {
    if (nth === 1) return client.say({ op: 'ten', d: null } as never)
    client.say(hello)
    client.say(ready(() => server))
    client.say(created(2, '101'))
  })
  const { ids, warnings } = start(t, server)
  await waitFor(() => ids().length === 1, { what: 'a message' })
  t.match(warnings[0], /could not be read/)
})
