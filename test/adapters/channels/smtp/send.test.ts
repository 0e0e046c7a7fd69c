import t from 'tap'
import type { OutboundMessage, SendOutcome } from '../../../../adapters/channels/channel.ts'
import { email } from '../../../../adapters/channels/email/index.ts'
import { smtpProvider } from '../../../../adapters/channels/smtp/index.ts'
import { attemptId, outbound } from '../email/message.ts'
import { agree, startRawServer, startSmtpServer } from './server.ts'

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

const sent = { outcome: 'sent', externalMessageId: `${attemptId}@pigeonpost.example` }

t.test('a mail arrives as it was meant, under the id that we chose', async (t) => {
  const { port, mails } = await startSmtpServer(t)
  const outcome = await send(
    port,
    {
      body: 'Grüße 🕊\n.\nEnde',
      conversationExternalId: 'root@example.com',
      replyTo: { externalMessageId: 'two@example.com', subject: 'Frage über alles' },
      metadata: {
        html: '<p>Grüße</p>',
        cc: 'c@example.com',
        bcc: ['b@example.com'],
        media: [
          {
            filename: 'Brief für Ann.pdf',
            content_type: 'application/pdf',
            content_base64: 'cGRm',
          },
          { url: 'https://f.example/a.png' },
        ],
      },
    },
    { settings: { from_name: 'Team Ö', reply_to: 'answers@pigeonpost.example' } },
  )
  t.same(outcome, sent)
  const [mail] = mails
  t.equal(mail?.from, 'team@pigeonpost.example')
  t.same(mail?.to, ['ann@example.com', 'c@example.com', 'b@example.com'])
  t.notMatch(mail?.source.toString(), 'b@example.com', 'a blind copy is nowhere in the mail')
  const request = {
    method: 'POST',
    url: '/',
    path: '/',
    query: {},
    receivedAt: new Date(),
    headers: {},
    body: mail?.source ?? Buffer.alloc(0),
  }
  const [received] = (await email.receive(request, null)).messages
  t.match(received, {
    address: 'team@pigeonpost.example',
    senderName: 'Team Ö',
    externalMessageId: sent.externalMessageId,
    conversationExternalId: 'root@example.com',
    replyTo: ['two@example.com', 'root@example.com'],
    body: 'Grüße 🕊\n.\nEnde\n\nhttps://f.example/a.png',
    media: [{ filename: 'Brief für Ann.pdf', content_type: 'application/pdf', size: 3 }],
    metadata: {
      subject: 'Re: Frage über alles',
      to: ['ann@example.com'],
      cc: ['c@example.com'],
      reply_to_address: 'answers@pigeonpost.example',
      html: /^<p>Grüße<\/p><p><a href="https:\/\/f\.example\/a\.png">/,
    },
  })
})

t.test('a long body comes through whole', async (t) => {
  const { port, mails } = await startSmtpServer(t)
  const body = 'Zeile für Zeile\n'.repeat(60_000)
  t.same(await send(port, { body }), sent)
  t.ok((mails[0]?.source.length ?? 0) > 900_000)
})

t.test('no header can be added by what a message says', async (t) => {
  const { port, mails } = await startSmtpServer(t)
  const subject = 'a\r\nBcc: evil@example.com\r\n\r\nbody'
  t.same(
    await send(port, { metadata: { subject } }, { settings: { from_name: 'x\r\nX-Evil: 1' } }),
    sent,
  )
  t.same(mails[0]?.to, ['ann@example.com'])
  t.notMatch(mails[0]?.source.toString(), /^(Bcc|X-Evil):/m)
})

t.test('a file is never fetched or read for a message', async (t) => {
  const { port, mails } = await startSmtpServer(t)
  const media = [{ url: 'file:///etc/passwd', path: '/etc/passwd', href: 'http://127.0.0.1:1/' }]
  t.same(await send(port, { metadata: { media } }), sent)
  t.notMatch(mails[0]?.source.toString(), 'root:')
})

t.test('it logs in, over STARTTLS and over TLS', async (t) => {
  const secret = '{"user": "team", "password": "secret"}'
  const settings = { tls_reject_unauthorized: false }
  const starttls = await startSmtpServer(t, { disabledCommands: [], authOptional: false })
  t.same(
    await send(starttls.port, {}, { secret, settings: { ...settings, require_tls: true } }),
    sent,
  )
  t.match(starttls.mails, [{ secure: true, user: 'team' }])
  const tls = await startSmtpServer(t, { secure: true, authOptional: false })
  t.same(await send(tls.port, {}, { secret, settings: { ...settings, secure: true } }), sent)
  t.match(tls.mails, [{ secure: true, user: 'team' }])
})

t.test('without encryption that can be trusted nothing is sent, and the mail waits', async (t) => {
  const tls = await startSmtpServer(t, { secure: true })
  t.match(await send(tls.port, {}, { settings: { secure: true } }), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'tls_failed',
  })
  const starttls = await startSmtpServer(t, { disabledCommands: [] })
  t.match(await send(starttls.port, {}, { settings: { require_tls: true } }), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'tls_failed',
  })
  const plain = await startSmtpServer(t)
  t.match(await send(plain.port, {}, { settings: { require_tls: true } }), {
    outcome: 'not_sent',
    retryable: true,
  })
  t.same([...tls.mails, ...starttls.mails, ...plain.mails], [])
})

t.test(
  'wrong credentials disconnect the account, and a server that cannot check them does not',
  async (t) => {
    const settings = {}
    const { port, mails } = await startSmtpServer(t, { allowInsecureAuth: true })
    t.match(await send(port, {}, { settings, secret: '{"user": "team", "password": "wrong"}' }), {
      outcome: 'not_sent',
      retryable: false,
      account: 'disconnect',
      errorCode: '535',
    })
    const busy = await startSmtpServer(t, {
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) =>
        done(
          Object.assign(new Error('4.7.0 Temporary authentication failure'), { responseCode: 454 }),
        ),
    })
    const later = await send(busy.port, {}, { settings, secret: 'secret' })
    t.match(later, { outcome: 'not_sent', retryable: true, errorCode: '4.7.0' })
    t.notHas(later, { account: 'disconnect' })
    const closed = await startSmtpServer(t, { authOptional: false })
    t.match(await send(closed.port), {
      outcome: 'not_sent',
      account: 'disconnect',
      errorCode: '530',
    })
    t.same(mails, [])
  },
)

t.test(
  'a refused copy does not undo the mail, and a refused recipient is said although copies left',
  async (t) => {
    const refusing = (address: string) =>
      startSmtpServer(t, {
        onRcptTo: (rcpt, _session, done) =>
          rcpt.address === address
            ? done(Object.assign(new Error('5.1.1 unknown'), { responseCode: 550 }))
            : done(),
      })
    const metadata = { cc: 'c@example.com' }
    const copy = await refusing('c@example.com')
    t.same(await send(copy.port, { metadata }), sent)
    const recipient = await refusing('ann@example.com')
    t.match(await send(recipient.port, { metadata }), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: 'recipient_refused',
      errorMessage:
        /ann@example\.com was refused, and a copy was taken for c@example\.com: 550 5\.1\.1 unknown/,
    })
  },
)

t.test('what cannot be sent is refused before any connection', async (t) => {
  const { port, lines } = await startRawServer(t, agree)
  for (const change of [
    { body: null },
    { metadata: { template: { template_id: 'd-1' } } },
    { metadata: { media: [{ id: 'x' }] } },
  ]) {
    t.match(await send(port, change), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: 'content_unsupported',
    })
  }
  for (const about of [
    { address: null },
    { address: 'team' },
    { settings: { host: null } },
    { settings: { port: 'x' } },
  ]) {
    t.match(await send(port, {}, about), {
      errorCode: 'account_misconfigured',
      account: 'disconnect',
    })
  }
  for (const address of ['a b@\r\nc', 'ann', 'a@b.example, c@d.example', '<a@b.example>', '']) {
    t.match(await send(port, { address }), { outcome: 'not_sent', errorCode: 'address_invalid' })
  }
  t.same(
    lines.filter((line) => /^(MAIL|RCPT)/.test(line)),
    [],
  )
})
