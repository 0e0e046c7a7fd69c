import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  type BridgeOptions,
  startBaileysBridge,
} from '../../../../adapters/channels/baileys/index.ts'
import type { End } from '../../../../adapters/channels/baileys/send/errors.ts'
import { waitFor } from '../../../support/wait.ts'
import { type FakeSocket, logger, makeFakeSocket } from './fake-socket.ts'
import { account, direct, inGroup, receiveBody, sentAt } from './support.ts'

type Setup = {
  sockets: FakeSocket[]
  bodies: string[]
  stored: () => string[]
  ends: End[]
  folder: string
}

/** A bridge whose pipeline keeps the bodies, and the sockets that it makes. */
async function setUp(t: Test, change: Partial<BridgeOptions> = {}, folder = t.testdir()) {
  const setup: Setup = {
    sockets: [],
    bodies: [],
    ends: [],
    folder,
    stored: () =>
      setup.bodies.flatMap((body) =>
        receiveBody(body).messages.map(({ externalMessageId }) => externalMessageId),
      ),
  }
  const bridge = await startBaileysBridge({
    account,
    authFolder: folder,
    receive: async (body) => setup.bodies.push(String(body)),
    logger,
    onEnd: (end) => setup.ends.push(end),
    reconnectAfter: 5,
    retryAfter: 5,
    makeSocket: (config) => {
      const socket = makeFakeSocket(config)
      setup.sockets.push(socket)
      return socket
    },
    ...change,
  })
  t.teardown(() => bridge.stop())
  return { ...setup, bridge }
}

const text = (id: string, key: object = direct) => ({
  key: { ...key, id },
  messageTimestamp: sentAt,
  message: { conversation: id },
})

const notify = (...ids: string[]) => ({
  type: 'notify' as const,
  messages: ids.map((id) => text(id)),
})

async function until(look: () => boolean): Promise<void> {
  await waitFor(look, { what: 'it to happen', every: 5 })
}

t.test('what a socket hears goes to the pipeline, with the time at which it came', async (t) => {
  const { sockets, bodies, bridge, stored } = await setUp(t)
  const before = Date.now()
  sockets[0]?.emit('messages.upsert', notify('A', 'B'))
  sockets[0]?.emit('messages.update', [
    { key: { ...direct, id: 'A' }, update: { message: null, messageStubType: 1 } },
  ])
  await bridge.idle()
  t.same(stored(), ['A', 'B'])
  const [revoke] = receiveBody(bodies[1] ?? '').updates
  t.match(revoke, { externalMessageId: 'A', update: { kind: 'revoke' } })
  t.ok(Date.parse(revoke?.update.at ?? '') >= before)
})

t.test("the login's keys and the QR code never reach the pipeline", async (t) => {
  const codes: string[] = []
  const { sockets, bodies, bridge, folder } = await setUp(t, { onQr: (code) => codes.push(code) })
  sockets[0]?.buffered(() => {
    sockets[0]?.emit('creds.update', { me: { id: '27820000000:5@s.whatsapp.net', name: 'Secret' } })
    sockets[0]?.emit('connection.update', { qr: 'secret-code' })
    sockets[0]?.emit('messages.upsert', notify('A'))
  })
  await bridge.idle()
  t.equal(bodies.length, 1)
  t.notMatch(bodies.join(''), /secret/i)
  t.same(codes, ['secret-code'])
  await until(() => existsSync(join(folder, 'creds.json')))
})

t.test('while the database is down nothing is lost, and the order stays', async (t) => {
  const tries: string[] = []
  let down = true
  const { sockets, bridge, folder } = await setUp(t, {
    receive: async (body) => {
      tries.push(receiveBody(body).messages[0]?.externalMessageId ?? '')
      if (down) throw new Error('connection refused')
    },
  })
  for (const id of ['A', 'B', 'C']) sockets[0]?.emit('messages.upsert', notify(id))
  await until(() => tries.length >= 3)
  t.ok(tries.every((id) => id === 'A'))
  t.equal(readdirSync(join(folder, 'spool')).length, 3)
  down = false
  await bridge.idle()
  t.same(tries.slice(tries.lastIndexOf('A')), ['A', 'B', 'C'])
  t.same(readdirSync(join(folder, 'spool')), [])
})

t.test(
  'what was not stored when the process ended is handed over by the next one, first',
  async (t) => {
    const folder = t.testdir()
    const first = await setUp(t, { receive: () => Promise.reject(new Error('down')) }, folder)
    first.sockets[0]?.emit('messages.upsert', notify('A'))
    first.sockets[0]?.emit('messages.upsert', notify('B'))
    await first.bridge.stop()
    const second = await setUp(t, {}, folder)
    second.sockets[0]?.emit('messages.upsert', notify('C'))
    await second.bridge.idle()
    t.same(second.stored(), ['A', 'B', 'C'])
  },
)

t.test('a long history goes in parts', async (t) => {
  const { sockets, bodies, bridge, stored } = await setUp(t)
  const ids = Array.from({ length: 250 }, (_, index) => `H${index}`)
  const thumbnail = Buffer.alloc(20_000)
  const messages = ids.map((id) => ({
    ...text(id),
    message: { imageMessage: { url: 'u', jpegThumbnail: thumbnail } },
  }))
  sockets[0]?.emit('messaging-history.set', { chats: [], contacts: [], messages, isLatest: true })
  await bridge.idle()
  t.ok(bodies.length >= 3)
  t.same(stored(), ids)
})

t.test('a group that is not known yet is asked for its name, once', async (t) => {
  const { sockets, bodies, bridge } = await setUp(t)
  const upsert = (id: string) => ({ type: 'notify' as const, messages: [text(id, inGroup)] })
  sockets[0]?.emit('messages.upsert', upsert('A'))
  sockets[0]?.emit('messages.upsert', upsert('B'))
  await until(() => bodies.length === 3)
  await bridge.idle()
  t.same(sockets[0]?.asked, [inGroup.remoteJid])
  const named = { externalId: inGroup.remoteJid, name: `Name of ${inGroup.remoteJid}` }
  t.same(
    bodies.flatMap((body) => receiveBody(body).groups ?? []),
    [named],
  )
})

t.test('a closed connection is opened again, and what is sent meanwhile is not', async (t) => {
  const users: string[] = []
  const { sockets, bridge, stored, ends } = await setUp(t, { onOpen: ({ id }) => users.push(id) })
  await t.rejects(bridge.send('1@lid', { text: 'x' }, { messageId: 'X' }), { name: 'NotConnected' })
  sockets[0]?.emit('connection.update', { connection: 'open' })
  t.equal(bridge.state, 'open')
  for (const status of [428, 408, 500, 515]) {
    const at = sockets.length
    sockets.at(-1)?.close(status)
    t.equal(bridge.state, 'connecting')
    await until(() => sockets.length === at + 1)
    sockets.at(-1)?.emit('connection.update', { connection: 'open' })
    t.equal(bridge.state, 'open', String(status))
  }
  sockets.at(-1)?.emit('messages.upsert', { type: 'append', messages: [text('MISSED')] })
  await bridge.idle()
  t.same(stored(), ['MISSED'])
  t.equal(users.length, 5)
  t.same(ends, [])
})

t.test('a connection that cannot be made is tried again', async (t) => {
  const made: FakeSocket[] = []
  let tries = 0
  const { bridge } = await setUp(t, {
    makeSocket: (config) => {
      tries += 1
      if (tries === 2) throw new Error('no network')
      const socket = makeFakeSocket(config)
      made.push(socket)
      return socket
    },
  })
  made[0]?.close(428)
  await until(() => made.length === 2)
  t.equal(tries, 3)
  made[1]?.emit('connection.update', { connection: 'open' })
  t.equal(bridge.state, 'open')
})

t.test('a connection that says nothing is given up and made again', async (t) => {
  const sockets: FakeSocket[] = []
  const { bridge } = await setUp(t, {
    connectTimeout: 40,
    makeSocket: (config) => {
      const socket = makeFakeSocket(config)
      // The second opens before its time can be over, however busy the machine is.
      const open = () => socket.emit('connection.update', { connection: 'open' })
      if (sockets.push(socket) === 2) process.nextTick(open)
      return socket
    },
  })
  sockets[0]?.emit('connection.update', { connection: 'connecting' })
  await until(() => sockets.length === 2)
  t.equal(sockets[0]?.ended, true)
  await delay(100)
  t.equal(bridge.state, 'open')
  t.equal(sockets.length, 2)
})

t.test('logged out or banned it ends, and says that the account is disconnected', async (t) => {
  for (const [status, code] of [
    [401, 'logged_out'],
    [403, 'forbidden'],
    [411, 'multidevice_mismatch'],
  ] as const) {
    const { sockets, bridge, ends } = await setUp(t, {}, t.testdir({ [code]: {} }))
    sockets[0]?.emit('connection.update', { connection: 'open' })
    sockets[0]?.close(status)
    t.equal(bridge.state, 'ended')
    t.match(ends, [{ code, next: 'account' }])
    await delay(30)
    t.equal(sockets.length, 1)
  }
})

t.test('replaced by another process it leaves the login to that one', async (t) => {
  const { sockets, bridge, ends } = await setUp(t)
  sockets[0]?.emit('connection.update', { connection: 'open' })
  sockets[0]?.close(440)
  t.equal(bridge.state, 'stopped')
  t.match(ends, [{ code: 'connection_replaced', next: 'stop' }])
  await delay(30)
  t.equal(sockets.length, 1)
})

t.test('stopping closes the connection and tells who waits for an acknowledgement', async (t) => {
  const { sockets, bridge } = await setUp(t)
  const [socket] = sockets
  socket?.emit('connection.update', { connection: 'open' })
  if (socket) socket.answer = () => null
  const word = bridge.send('1@lid', { text: 'x' }, { messageId: 'X' })
  await until(() => socket?.sent.length === 1)
  await bridge.stop()
  t.equal(await word, 'lost')
  t.equal(socket?.ended, true)
  t.equal(bridge.state, 'stopped')
})

t.test(
  "the socket gets the login, our defaults, and the user's own settings above them",
  async (t) => {
    const { sockets } = await setUp(t, {
      socketConfig: { browser: ['a', 'b', 'c'], emitOwnEvents: true },
    })
    t.match(sockets[0]?.config, {
      auth: { creds: { registrationId: Number } },
      markOnlineOnConnect: false,
      emitOwnEvents: true,
      browser: ['a', 'b', 'c'],
    })
  },
)
