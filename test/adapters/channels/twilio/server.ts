import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import twilioSdk from 'twilio'
import { accountSid, authToken } from './support.ts'

/** A request as Twilio's server would see it. The form is sorted by name; values of one name stay in their order. */
export type Seen = {
  method: string | undefined
  path: string | undefined
  authorization: string | undefined
  contentType: string | undefined
  accept: string | undefined
  form: [string, string][]
}

export type Answer = {
  status: number
  body: string
  headers?: Record<string, string>
}

/** The parts of Twilio's answer (201) that matter, after twilio.com/docs/messaging/api/message-resource. */
export const created: Answer = {
  status: 201,
  body: JSON.stringify({
    account_sid: accountSid,
    api_version: '2010-04-01',
    date_created: 'Mon, 09 Dec 2024 18:20:00 +0000',
    direction: 'outbound-api',
    error_code: null,
    error_message: null,
    num_media: '0',
    sid: `SM${'d4'.repeat(16)}`,
    status: 'queued',
  }),
}

export type TwilioServer = {
  url: string
  seen: Seen[]
  /** What it answers from now on; `hang` leaves the request without one. */
  answer: Answer | 'hang'
  close(): Promise<void>
}

export async function startTwilio(t: {
  teardown(close: () => unknown): unknown
}): Promise<TwilioServer> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString())
      form.sort()
      const { method, url: path, headers } = request
      state.seen.push({
        method,
        path,
        authorization: headers.authorization,
        contentType: headers['content-type'],
        accept: headers.accept,
        form: [...form],
      })
      if (state.answer === 'hang') return
      response.writeHead(state.answer.status, {
        'content-type': 'application/json',
        ...state.answer.headers,
      })
      response.end(state.answer.body)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const state: TwilioServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    answer: created,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  t.teardown(() => state.close())
  return state
}

/** Twilio's own client with its own HTTP, sent to our server in the place of api.twilio.com. */
export function sdkClient(
  url: string,
  username: string = accountSid,
  password: string = authToken,
): twilioSdk.Twilio {
  class LocalClient extends twilioSdk.RequestClient {
    override request: twilioSdk.RequestClient['request'] = (options) =>
      super.request({ ...options, uri: options.uri.replace('https://api.twilio.com', url) })
  }
  return twilioSdk(username, password, { accountSid, httpClient: new LocalClient() })
}
