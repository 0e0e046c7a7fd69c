import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'

type Said = { op: number; d: unknown; s?: number; t?: string }

/** One client of the gateway, from the gateway's side. */
export type Connection = {
  url: string | undefined
  /** What it said, heartbeats too. */
  heard: Said[]
  say(said: Said): void
  close(code: number): void
  /** Without a word. */
  cut(): void
}

export type GatewayServer = {
  /** ws://… and http://… of the same server. */
  gateway: string
  api: string
  connections: Connection[]
  /** Paths that were asked for by HTTP. */
  asked: string[]
}

/**
 * A server that speaks as much of RFC 6455 as Discord's gateway needs: text and closing frames, none in parts.
 * `onConnection` says what the gateway says first; `rest` answers what is asked for by HTTP.
 */
export async function startGatewayServer(
  t: Pick<Test, 'teardown'>,
  onConnection: (connection: Connection, nth: number) => void,
  rest: (path: string) => { status: number; json: unknown } = () => ({ status: 404, json: {} }),
): Promise<GatewayServer> {
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    state.asked.push(request.url ?? '')
    const { status, json } = rest(request.url ?? '')
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
  })
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.on('upgrade', (request, socket: Socket) => {
    socket.on('error', () => {})
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    const heard: Said[] = []
    readFrames(socket, (text) => heard.push(JSON.parse(text) as Said))
    const connection: Connection = {
      url: request.url,
      heard,
      say: (said) => socket.write(toFrame(1, Buffer.from(JSON.stringify(said)))),
      close(code) {
        const payload = Buffer.alloc(2)
        payload.writeUInt16BE(code)
        socket.end(toFrame(8, payload))
      },
      cut: () => socket.destroy(),
    }
    state.connections.push(connection)
    onConnection(connection, state.connections.length)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const state: GatewayServer = {
    gateway: `ws://127.0.0.1:${port}`,
    api: `http://127.0.0.1:${port}`,
    connections: [],
    asked: [],
  }
  return state
}

function toFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const head =
    length < 126
      ? Buffer.from([0x80 | opcode, length])
      : Buffer.from([0x80 | opcode, 126, length >> 8, length & 255])
  return Buffer.concat([head, payload])
}

/** Text frames of a client, which are masked. */
function readFrames(socket: Socket, onText: (text: string) => void): void {
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const [first = 0, second = 0] = rest
      const short = second & 127
      const head = short === 126 ? 4 : 2
      if (rest.length < head) return
      const length = short === 126 ? rest.readUInt16BE(2) : short
      const end = head + 4 + length
      if (rest.length < end) return
      const mask = rest.subarray(head, head + 4)
      const payload = rest.subarray(head + 4, end).map((byte, i) => byte ^ (mask[i % 4] ?? 0))
      rest = rest.subarray(end)
      if ((first & 15) === 1) onText(Buffer.from(payload).toString())
      // It wants the closing frame back.
      if ((first & 15) === 8) socket.end(toFrame(8, Buffer.from(payload)))
    }
  })
}
