import { createServer } from 'node:http'
import { codeOf, Failure } from './failure.ts'

export type ReservedPort = {
  /** The real one, where 0 was asked for. */
  port: number
  /** Closes it for the server that it was held for. */
  release(): Promise<void>
}

/**
 * Takes the HTTP port before anything else is done, so that a port in use is found out while there is
 * nothing to undo. Until it is released it answers 503: health checks see that we are starting.
 * @throws {Failure} that names PORT or HOST
 */
export async function reservePort(host: string, port: number): Promise<ReservedPort> {
  const server = createServer((_request, response) => {
    response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' })
    response.end('{"success":false,"code":"starting","message":"Pigeonpost is starting"}\n')
  })
  await new Promise<void>((done, fail) => {
    server.once('error', (error) => fail(explainListen(error, host, port)))
    server.listen(port, host, done)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async release() {
      if (!server.listening) return
      await new Promise<void>((done) => {
        server.close(() => done())
        server.closeAllConnections()
      })
    },
  }
}

/** What stood in the way of listening, or the error itself where it is about something else. */
export function explainListen(error: unknown, host: string, port: number): unknown {
  const message = {
    EADDRINUSE: `PORT: port ${port} on ${host} is in use, maybe by another Pigeonpost; stop that one, or set PORT to another (0: any free one)`,
    EACCES: `PORT: port ${port} on ${host} may not be used by this user; set PORT to one above 1023`,
    EADDRNOTAVAIL: `HOST: ${host} is not an address of this machine; set HOST to one, such as 127.0.0.1`,
    ENOTFOUND: `HOST: the name ${host} is not known; set HOST to an address of this machine, as 127.0.0.1`,
    EAI_AGAIN: `HOST: the name ${host} cannot be looked up; set HOST to an address of this machine, as 127.0.0.1`,
  }[codeOf(error) ?? '']
  return message ? new Failure(message, { cause: error }) : error
}

/** Where a client on this machine finds a server that listens on `host`. */
export function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
