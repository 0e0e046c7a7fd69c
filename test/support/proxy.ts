import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

export type Proxy = {
  url: string
  /**
   * From now on nothing more passes on the connections that are open, and their ends on the server's side are gone: what
   * clients see of a firewall that drops, or of a proxy that outlives its server. New connections are well.
   */
  freeze(): void
  /** Ends all connections; new ones go to the server of `url`. */
  moveTo(url: string): void
  readonly open: number
}

/** A TCP proxy to the server of `url`, on loopback. */
export async function startProxy(t: Pick<Test, 'teardown'>, url: string): Promise<Proxy> {
  let target = new URL(url)
  const pairs = new Map<Socket, Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    pairs.set(client, upstream)
    client.pipe(upstream).pipe(client)
    client.on('error', () => {})
    upstream.on('error', () => {})
    client.on('close', () => {
      pairs.delete(client)
      upstream.destroy()
    })
    upstream.on('close', () => {
      if (pairs.get(client) === upstream) client.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    for (const client of pairs.keys()) client.destroy()
  }
  t.teardown(() => {
    server.close()
    cut()
  })
  const own = new URL(url)
  own.port = String((server.address() as AddressInfo).port)
  return {
    url: own.href,
    moveTo(next) {
      target = new URL(next)
      cut()
    },
    freeze() {
      for (const [client, upstream] of pairs) {
        client.unpipe()
        // Read and dropped, so that what is sent is received, and never answered.
        client.resume()
        pairs.set(client, client)
        upstream.unpipe()
        upstream.destroy()
      }
    },
    get open() {
      return pairs.size
    },
  }
}
