import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import * as library from 'baileys'
import t from 'tap'
import { startBaileysBridge } from '../../../../adapters/channels/baileys/index.ts'
import { loadBaileys } from '../../../../adapters/channels/baileys/bridge/library.ts'
import { logger } from './fake-socket.ts'
import { account } from './support.ts'

t.test('nothing but starting a bridge loads the package', async (t) => {
  const folder = new URL('../../../../adapters/channels/baileys/', import.meta.url)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  t.ok(files.includes('bridge/bridge.ts'))
  for (const file of files) {
    t.notMatch(
      readFileSync(new URL(file, folder), 'utf8'),
      /from 'baileys'|import\('baileys'\)/,
      file,
    )
  }
})

t.test('the package has what a bridge uses of it', async (t) => {
  const { makeSocket, loadLogin } = await loadBaileys()
  t.equal(makeSocket, library.makeWASocket)
  const { state } = await loadLogin(t.testdir())
  const socket = await makeSocket({
    auth: state,
    logger,
    waWebSocketUrl: 'ws://127.0.0.1:1',
  })
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  socket.ev.process((events) => {
    if (
      (events['connection.update'] as { connection?: string } | undefined)?.connection === 'close'
    )
      resolve()
  })
  for (const name of ['sendMessage', 'onWhatsApp', 'groupMetadata', 'end'] as const) {
    t.type(socket[name], 'function', name)
  }
  t.type(socket.ws?.on, 'function')
  await closed
})

t.test(
  'with the package’s own socket a bridge connects, and again when it is refused',
  async (t) => {
    const tries: string[] = []
    const server = createServer()
    server.on('upgrade', (_request, socket) => {
      tries.push('try')
      // A bridge that is stopped just now resets it.
      socket.on('error', () => {})
      socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    const bridge = await startBaileysBridge({
      account,
      authFolder: t.testdir(),
      receive: async () => {},
      logger,
      reconnectAfter: 5,
      socketConfig: { waWebSocketUrl: `ws://127.0.0.1:${port}` },
    })
    while (tries.length < 3) await delay(5)
    t.equal(bridge.state, 'connecting')
    await bridge.stop()
    const before = tries.length
    await delay(100)
    t.equal(tries.length, before)
    t.equal(bridge.state, 'stopped')
  },
)
