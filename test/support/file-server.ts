import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { PrivateHost } from '../../adapters/shared/public-address.ts'

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void

export type FileServer = {
  /** Without a slash at its end. */
  url: string
  /** What PIGEONPOST_MEDIA_HOSTS would say, so that it may be fetched from. */
  host: PrivateHost
  /** What a path answers: bytes, a status, or whatever the function does. */
  routes: Map<string, Uint8Array | number | Answer>
  /** As they came: `GET /a.jpg`. */
  requests: string[]
}

/** An HTTP server on loopback; 404 for what it has no route for. */
export async function startFileServer(t: Pick<Test, 'teardown'>): Promise<FileServer> {
  const routes: FileServer['routes'] = new Map()
  const requests: string[] = []
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?')
    requests.push(`${request.method} ${path}`)
    const route = routes.get(path) ?? 404
    if (route instanceof Uint8Array) response.end(route)
    else if (typeof route === 'number') response.writeHead(route).end()
    else void buffer(request).then((body) => route(request, response, body.toString()))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    host: { hostname: '127.0.0.1', port },
    routes,
    requests,
  }
}
