import type { ServerResponse } from 'node:http'
import t from 'tap'
import { httpProvider, startProviderServer } from '../../../support/provider.ts'
import {
  addAccount,
  countdown,
  deliveryDatabase,
  queue,
  readAttempts,
  turnContext,
  takeTurn,
} from './support.ts'

type Case = {
  what: string
  answer: (response: ServerResponse) => void
  /** By the message's row, then with an idempotency key. */
  is: { status: string; error_code: string | null }
  keyed: { status: string }
  /** ms to the next try. */
  againInMs?: [least: number, most: number]
}

const cases: Case[] = [
  {
    what: 'takes it',
    answer: (response) => response.end('{"id": "taken"}'),
    is: { status: 'sent', error_code: null },
    keyed: { status: 'sent' },
  },
  {
    what: 'answers 429 with Retry-After: 7',
    answer: (response) => response.writeHead(429, { 'retry-after': '7' }).end(),
    is: { status: 'retrying', error_code: 'rate_limited' },
    keyed: { status: 'retrying' },
    againInMs: [7_000, 7_000],
  },
  {
    what: 'answers 429 with a date',
    answer: (response) =>
      response.writeHead(429, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }).end(),
    is: { status: 'retrying', error_code: 'rate_limited' },
    keyed: { status: 'retrying' },
    againInMs: [59_000, 60_000],
  },
  {
    what: 'answers 500',
    answer: (response) => response.writeHead(500).end('oops'),
    is: { status: 'retrying', error_code: '500' },
    keyed: { status: 'retrying' },
    againInMs: [4_000, 6_000],
  },
  {
    what: 'answers 400',
    answer: (response) => response.writeHead(400).end('no'),
    is: { status: 'failed', error_code: '400' },
    keyed: { status: 'failed' },
  },
  {
    what: 'answers 502',
    answer: (response) => response.writeHead(502).end(),
    is: { status: 'unknown', error_code: '502' },
    keyed: { status: 'retrying' },
  },
  {
    what: 'hangs',
    answer: () => {},
    is: { status: 'unknown', error_code: 'timeout' },
    keyed: { status: 'retrying' },
  },
  {
    what: 'closes the connection half-way',
    answer: (response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{"id": "ta')
      setTimeout(() => response.destroy(), 20)
    },
    is: { status: 'unknown', error_code: 'connection_lost' },
    keyed: { status: 'retrying' },
  },
  {
    what: 'returns garbage',
    answer: (response) => response.end('\u0001\u0002<garbage>'),
    is: { status: 'unknown', error_code: 'answer_unreadable' },
    keyed: { status: 'retrying' },
  },
  {
    what: 'says that the credentials are bad',
    answer: (response) => response.writeHead(401).end('who are you?'),
    is: { status: 'queued', error_code: 'bad_credentials' },
    keyed: { status: 'queued' },
  },
]

t.test('what is recorded of a provider that misbehaves', async (t) => {
  const { sql } = await deliveryDatabase(t)
  for (const { what, answer, is, keyed, againInMs } of cases) {
    for (const takesIdempotencyKey of [false, true]) {
      const title = `${what}${takesIdempotencyKey ? ', and takes an idempotency key' : ''}`
      await t.test(title, async (t) => {
        await sql`truncate pigeonpost.messages, pigeonpost.outbox, pigeonpost_private.provider_breakers cascade`
        const server = await startProviderServer(t, (_, response) => answer(response))
        const target = await addAccount(sql, 'http')
        const [id] = await queue(sql, target, ['hello'])
        const provider = httpProvider(server.url, { takesIdempotencyKey })
        const left = countdown()
        const leaseMs = what === 'hangs' ? 1_000 : 30_000
        await takeTurn(turnContext(t, sql, provider, { leaseMs }), target)
        const [row] = await sql<
          { status: string; error_code: string | null; again: number | null }[]
        >`
          select state as status, error_code, extract(epoch from next_attempt_at - now())::float8 * 1000 as again
          from pigeonpost.messages_with_state where id = ${id ?? ''}`
        t.match(row, takesIdempotencyKey ? keyed : is)
        t.equal(server.requests, 1)
        t.equal((await readAttempts(sql)).length, 1)
        if (againInMs) t.ok(left(row?.again ?? null, ...againInMs), `again in ${row?.again} ms`)
      })
    }
  }
})
