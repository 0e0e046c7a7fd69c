import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Provider } from '../../adapters/channels/channel.ts'
import { sendRequest } from '../../adapters/channels/shared/http-request.ts'

export type ProviderServer = { url: string; requests: number }

/** An HTTP server on loopback that answers as `answer` does, after the request has come in whole. */
export async function startProviderServer(
  t: Pick<Test, 'teardown'>,
  answer: (body: string, response: ServerResponse, request: IncomingMessage) => void,
): Promise<ProviderServer> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      state.requests += 1
      answer(Buffer.concat(chunks).toString(), response, request)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const state: ProviderServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests: 0,
  }
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return state
}

/** A provider of channel whatsapp as a real one would be written: JSON over HTTP, by the helper for all of them. */
export function httpProvider(
  url: string,
  options: { name?: string; takesIdempotencyKey?: boolean } = {},
): Provider {
  return {
    name: options.name ?? 'http',
    channels: ['whatsapp'],
    takesIdempotencyKey: () => options.takesIdempotencyKey ?? false,
    send: async (message, { signal }) =>
      sendRequest(
        {
          url,
          headers: { 'content-type': 'application/json', 'idempotency-key': message.attemptId },
          body: JSON.stringify({ id: message.id, to: message.address, text: message.body }),
          signal,
        },
        {
          readId: ({ json }) =>
            typeof json === 'object' && json !== null && 'id' in json ? String(json.id) : null,
          readError: ({ status, body }) =>
            status === 401
              ? {
                  outcome: 'not_sent',
                  retryable: false,
                  account: 'disconnect',
                  errorCode: 'bad_credentials',
                  errorMessage: body,
                }
              : null,
        },
      ),
  }
}
