import { Socket } from 'node:net'
import type { DatabaseAddress } from './address.ts'

const lookEveryMs = 1_000

/** Sockets that are looked at, and when something last moved on them. */
const watched = new Map<Socket, { bytes: number; movedAt: number; silenceMs: number }>()
let timer: NodeJS.Timeout | undefined

/**
 * Closes a socket on which nothing was sent or received for `silenceMs`. Behind a firewall that drops packets, or a proxy
 * whose server is gone, a query would otherwise wait for 15 minutes or forever; TCP keep-alive does not help while sent
 * bytes are unacknowledged. Counting bytes works for TLS, too.
 */
export function closeWhenSilent(socket: Socket, silenceMs: number): void {
  watched.set(socket, { bytes: 0, movedAt: performance.now(), silenceMs })
  socket.once('close', () => watched.delete(socket))
  timer ??= setInterval(look, lookEveryMs).unref()
}

function look(): void {
  const now = performance.now()
  for (const [socket, seen] of watched) {
    const bytes = socket.bytesRead + socket.bytesWritten
    if (socket.destroyed) {
      // Drivers take all listeners off a socket that they wrap for TLS.
      watched.delete(socket)
    } else if (bytes !== seen.bytes) {
      seen.bytes = bytes
      seen.movedAt = now
    } else if (now - seen.movedAt > seen.silenceMs) {
      watched.delete(socket)
      socket.destroy()
    }
  }
  if (watched.size > 0) return
  clearInterval(timer)
  timer = undefined
}

/** A maker of unconnected sockets that connect to the address's hosts in turn, whatever their `connect` is told. */
export function socketMaker(
  { hosts }: Pick<DatabaseAddress, 'hosts'>,
  silenceMs: number | null,
): () => DatabaseSocket {
  let next = 0
  return () => {
    const place = hosts[next++ % hosts.length] ?? { host: 'localhost', port: 5432 }
    const socket = new DatabaseSocket(place)
    if (silenceMs !== null) closeWhenSilent(socket, silenceMs)
    return socket
  }
}

/** pg connects a socket by itself, postgres.js takes one that is under way. */
export class DatabaseSocket extends Socket {
  readonly host: string
  readonly port: number
  constructor({ host, port }: DatabaseAddress['hosts'][number]) {
    super()
    this.host = host
    this.port = port
  }
  override connect(): this {
    return this.host.startsWith('/')
      ? super.connect({ path: `${this.host}/.s.PGSQL.${this.port}` })
      : super.connect({ host: this.host, port: this.port })
  }
}
