import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import type { Test } from 'tap'
import { answerSignedPath } from '../../../adapters/storage/serve.ts'
import type { Storage } from '../../../adapters/storage/storage.ts'

/** What the API does with the URLs of a storage whose files it serves itself, and nothing else. */
export async function startFileServer(
  t: Pick<Test, 'teardown'>,
): Promise<{ baseUrl: string; serve(storage: Storage): void }> {
  let served: Storage | null = null
  const server = createServer((request, response) => {
    if (!served) throw new Error('nothing is served yet')
    const answered = answerSignedPath(served, request.url ?? '', request.headers.range)
    answered
      .then(({ status, headers, body }) => {
        response.writeHead(status, headers)
        return body ? pipeline(body, response, () => {}) : response.end()
      })
      .catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (storage) => void (served = storage),
  }
}
