import { createTransport } from 'nodemailer'
import t from 'tap'
import type {
  Channel,
  MediaReference,
  WebhookRequest,
} from '../../../../adapters/channels/channel.ts'
import { email } from '../../../../adapters/channels/email/index.ts'
import { nameWebhook } from '../../../../adapters/channels/shared/inbox-media.ts'
import { sendgrid } from '../../../../adapters/channels/sendgrid/index.ts'
import { bytesOf, png } from '../../../support/files.ts'
import type { PeerRequest } from '../../../support/peer.ts'
import { form, parsed } from '../sendgrid/peer.ts'
import { genericPeer, mime, mimePeer } from './peer.ts'

const what = {
  id: 'm1@mail.example.com',
  from: 'ann@example.com',
  at: new Date('2024-11-01T14:00:00Z'),
}
const digest = Buffer.alloc(32, 7)
const text = Buffer.from('Über alles', 'latin1')

function asWebhook({ headers, body }: PeerRequest): WebhookRequest {
  const path = '/api/webhooks/x'
  return {
    method: 'POST',
    url: path,
    path,
    query: {},
    receivedAt: new Date(),
    headers,
    body: Buffer.from(body),
  }
}

/** A mail with several files of several encodings, one of them inside the HTML. */
async function severalFiles(): Promise<Buffer> {
  const { message } = await createTransport({ streamTransport: true, buffer: true }).sendMail({
    from: what.from,
    to: 'team@pigeonpost.example',
    messageId: `<${what.id}>`,
    text: 'See below',
    html: '<img src="cid:logo">',
    attachments: [
      { filename: 'logo.png', content: png, cid: 'logo' },
      { filename: 'a.txt', content: text, encoding: 'quoted-printable' },
      { filename: 'empty.bin', content: Buffer.alloc(0) },
      { filename: 'mail.eml', content: mime(what, 'inner'), contentType: 'message/rfc822' },
    ],
  })
  return message as Buffer
}

const raw = async () => ({
  headers: { 'content-type': 'message/rfc822' },
  body: await severalFiles(),
})
const cases: [title: string, channel: Channel, request: () => Promise<PeerRequest>][] = [
  ['a mail', email, raw],
  ['a mail that SendGrid posts raw', sendgrid, async () => form([['email', await severalFiles()]])],
  [
    'a mail that SendGrid has taken apart',
    sendgrid,
    async () =>
      parsed(
        what,
        'See below',
        ['attachment2', text, { filename: 'a.txt', type: 'text/plain' }],
        ['attachment1', png, { filename: 'logo.png', type: 'image/png' }],
        [
          'attachment10',
          Buffer.alloc(0),
          { filename: 'empty.bin', type: 'application/octet-stream' },
        ],
      ),
  ],
]

async function open(channel: Channel, request: PeerRequest) {
  const webhook = asWebhook(request)
  const { messages } = nameWebhook(await channel.receive(webhook, null), digest)
  const locate = async (reference: MediaReference, kept: WebhookRequest | null = webhook) =>
    (await channel.locate?.(reference, {
      account: { tenantId: 1, accountId: 'a', ...mimePeer.account },
      signal: AbortSignal.timeout(60_000),
      webhook: async () => kept,
    })) ?? { url: '' }
  return { media: messages[0]?.media ?? [], webhook, locate }
}

for (const [title, channel, request] of cases) {
  t.test(`the files of ${title} are taken out of it`, async (t) => {
    const { media, locate } = await open(channel, await request())
    const byName: Record<string, Buffer> = {}
    for (const reference of media) {
      t.equal(reference.details?.['webhook'], digest.toString('hex'))
      byName[reference.filename ?? ''] = await bytesOf(await locate(reference))
    }
    t.same(byName['logo.png'], png)
    t.same(byName['a.txt'], text)
    t.same(byName['empty.bin'], Buffer.alloc(0))
    if ('mail.eml' in byName) t.match(byName['mail.eml']?.toString(), 'Subject: A question')
  })

  t.test(`of ${title} nothing else than what came is given`, async (t) => {
    const { media, webhook, locate } = await open(channel, await request())
    const [file] = media
    if (!file) return t.fail('it has files')
    const final = { name: 'MediaUnavailable', retryable: false }
    await t.rejects(locate(file, null), { ...final, code: 'media_gone' })
    for (const wrong of [
      { ...file, sha256: '0'.repeat(64) },
      { ...file, size: 1 },
      { ...file, details: { part: 99 } },
      { ...file, details: { part: -1 } },
    ]) {
      await t.rejects(locate(wrong), { ...final, code: 'media_changed' })
    }
    await t.rejects(locate({ filename: 'a' }), { ...final, code: 'media_reference_invalid' })
    const { headers } = webhook
    const truncated = {
      ...webhook,
      headers: { ...headers, 'content-type': 'multipart/form-data' },
      body: Buffer.from('x'),
    }
    await t.rejects(locate(file, truncated), { ...final, code: 'media_changed' })
  })
}

t.test('files with an address are fetched there, and name no webhook', async (t) => {
  const request = genericPeer.media?.({ ...what, caption: 'A cat' })
  if (!request) return t.fail('the generic webhook has media')
  const { media, locate } = await open(email, request)
  const url = 'https://files.example.com/photo.png'
  t.same(media, [{ url }])
  t.same(await locate({ url, details: { part: 0 } }), { url })
})
