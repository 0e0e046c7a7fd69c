import t from 'tap'
import type { OutboundMessage, SendOutcome } from '../../../../adapters/channels/channel.ts'
import { smtpProvider } from '../../../../adapters/channels/smtp/index.ts'
import { timedOut } from '../../../support/files.ts'
import { outbound } from '../email/message.ts'
import { agree, startRawServer } from './server.ts'

function send(
  port: number,
  change: Partial<OutboundMessage> = {},
  about: {
    settings?: object
    secret?: string | null
    address?: string | null
    signal?: AbortSignal
  } = {},
): Promise<SendOutcome> {
  const { settings, secret = null, address = 'team@pigeonpost.example' } = about
  return smtpProvider.send(outbound(change), {
    account: {
      tenantId: 1,
      accountId: 'a',
      channel: 'email',
      address,
      provider: 'smtp',
      settings: { host: '127.0.0.1', port, ...settings },
      secret,
    },
    signal: about.signal ?? AbortSignal.timeout(60_000),
    publicUrl: null,
  })
}

t.test('a reply says whether to try again', async (t) => {
  const cases: [at: RegExp, reply: string, outcome: object][] = [
    [
      /^MAIL/,
      '451 4.3.0 busy',
      { retryable: true, errorCode: '4.3.0', errorMessage: '451 4.3.0 busy' },
    ],
    [/^MAIL/, '550 5.7.1 no', { retryable: false, errorCode: '5.7.1' }],
    [/^RCPT/, '450 greylisted', { retryable: true, errorCode: '450' }],
    [/^RCPT/, '550 5.1.1 unknown', { retryable: false, errorCode: '5.1.1' }],
    [/^DATA/, '452 4.3.1 full', { retryable: true, errorCode: '4.3.1' }],
    [/^message/, '452 4.3.1 full', { retryable: true, errorCode: '4.3.1' }],
    [/^message/, '554 5.7.1 spam', { retryable: false, errorCode: '5.7.1' }],
    [/^MAIL/, '421 4.3.2 closing', { retryable: true, errorCode: '4.3.2' }],
  ]
  for (const [at, reply, outcome] of cases) {
    const { port } = await startRawServer(t, (line) => (at.test(line) ? reply : agree(line)))
    t.match(await send(port), { outcome: 'not_sent', ...outcome }, `${String(at)} ${reply}`)
  }
})

t.test('before the message is out, whatever goes wrong is tried again', async (t) => {
  t.match(await send(1), { outcome: 'not_sent', retryable: true, errorCode: 'connection_failed' })
  t.match(await send(25, {}, { settings: { host: 'no-such-host.invalid' } }), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'host_unknown',
  })
  const odd = await startRawServer(t, agree, 'HTTP/1.1 400 Bad Request')
  t.match(await send(odd.port), { outcome: 'not_sent', retryable: true })
  for (const at of [/^EHLO/, /^MAIL/, /^RCPT/, /^DATA/]) {
    const { port } = await startRawServer(t, (line, socket) => {
      if (!at.test(line)) return agree(line)
      socket.destroy()
      return null
    })
    t.match(
      await send(port),
      { outcome: 'not_sent', retryable: true, errorCode: 'connection_failed' },
      String(at),
    )
  }
})

t.test('a connection that is lost within the message did not deliver it', async (t) => {
  const { port } = await startRawServer(t, (line, socket) => {
    if (line === 'DATA') {
      socket.once('data', () => socket.once('data', () => socket.destroy()))
    }
    return agree(line)
  })
  t.match(await send(port, { body: 'x'.repeat(1000).concat('\n').repeat(12_000) }), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'connection_failed',
  })
})

t.test('a connection that is lost after the message may have delivered it', async (t) => {
  const lost = await startRawServer(t, (line, socket) => {
    if (line !== 'message') return agree(line)
    socket.destroy()
    return null
  })
  t.match(await send(lost.port), { outcome: 'ambiguous', errorCode: 'connection_lost' })
  const time = new AbortController()
  const silent = await startRawServer(t, (line) => {
    if (line !== 'message') return agree(line)
    time.abort(timedOut())
    return null
  })
  t.match(await send(silent.port, {}, { signal: time.signal }), {
    outcome: 'ambiguous',
    errorCode: 'timeout',
  })
  await silent.closed
})

t.test('the signal ends a connection that hangs, and what had not left is not sent', async (t) => {
  const early = new AbortController()
  const mute = await startRawServer(t, agree, null)
  void mute.opened.then(() => early.abort(timedOut()))
  t.match(await send(mute.port, {}, { signal: early.signal }), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'aborted',
  })
  await mute.closed
  const late = new AbortController()
  const stuck = await startRawServer(t, (line) => {
    if (!line.startsWith('RCPT')) return agree(line)
    late.abort(timedOut())
    return null
  })
  t.match(await send(stuck.port, {}, { signal: late.signal }), {
    outcome: 'not_sent',
    retryable: true,
  })
  await stuck.closed
  const over = await startRawServer(t, agree)
  t.match(await send(over.port, {}, { signal: AbortSignal.abort() }), {
    outcome: 'not_sent',
    errorCode: 'aborted',
  })
  t.same(over.lines, [])
})
