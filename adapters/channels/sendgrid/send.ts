import { z } from 'zod'
import type { OutboundMessage, Provider, SendContext, SendOutcome } from '../channel.ts'
import { apiUrl, cannotSend, misconfigured, type NotSent } from '../shared/content.ts'
import { type Attachment, compose, isEmpty, type Outgoing } from '../email/compose.ts'
import { sendRequest } from '../shared/http-request.ts'
import { FileUnreadable, readFile } from '../shared/multipart.ts'
import { readSecrets } from '../../shared/secrets.ts'
import { readError } from './errors.ts'

/** metadata.template: one of SendGrid's dynamic templates. Its subject and content are the template's. */
const template = z.looseObject({
  template_id: z.string().min(1),
  data: z.record(z.string(), z.unknown()).nullish(),
})

/**
 * Mail by SendGrid's API v3 (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send). The external id is
 * the answer's X-Message-Id, which its events repeat; SendGrid writes the Message-ID itself, with that as its first
 * part. The attempt's id travels as custom argument `pigeonpost_attempt`. The API knows no idempotency key.
 */
export const sendgridProvider: Provider = {
  name: 'sendgrid',
  channels: ['email'],
  takesIdempotencyKey: () => false,
  async send(message: OutboundMessage, context: SendContext): Promise<SendOutcome> {
    const { account, signal } = context
    const { api_key: key } = readSecrets(account.secret, 'api_key')
    if (!key) return misconfigured('The account has no secret api_key.')
    if (!account.address) return misconfigured('The account has no address to send from.')
    const asked = message.metadata['template']
    const chosen = asked === undefined || asked === null ? null : template.safeParse(asked)
    if (chosen && !chosen.success) {
      return cannotSend('content_unsupported', 'metadata.template has no template_id.')
    }
    const mail = compose(message, account)
    if ('outcome' in mail) return mail
    if (!chosen && isEmpty(mail)) {
      return cannotSend('content_unsupported', 'The message has no body, file or template.')
    }
    const attachments = await encode(mail, signal)
    if ('outcome' in attachments) return attachments
    const body = {
      ...toRequest(mail, attachments),
      ...(chosen ? withTemplate(mail, message, chosen.data) : {}),
      custom_args: { pigeonpost_attempt: message.attemptId },
    }
    return sendRequest(
      {
        url: `${apiUrl(account, 'https://api.sendgrid.com')}/v3/mail/send`,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal,
      },
      { readId: ({ headers }) => headers.get('x-message-id'), readError },
    )
  },
}

/** Characters of a request's texts and files together: SendGrid takes 30 MB. */
const maxBytes = 30 * 1024 * 1024

type Encoded = { content: string; filename: string; type: string; disposition: 'attachment' }

/** SendGrid takes files in base64 alone. What would be too long for it is not even read. */
async function encode(mail: Outgoing, signal: AbortSignal): Promise<Encoded[] | NotSent> {
  const length = mail.attachments.reduce(
    (sum, { content }) =>
      sum + (typeof content === 'string' ? content.length : Math.ceil(content.size / 3) * 4),
    mail.text.length + (mail.html?.length ?? 0),
  )
  if (length > maxBytes) {
    return cannotSend(
      'too_large',
      `With its files in base64 the mail has ${length} bytes; SendGrid takes ${maxBytes}.`,
    )
  }
  const encoded: Encoded[] = []
  for (const { filename, contentType, content } of mail.attachments) {
    try {
      const base64 = await toBase64(content, signal)
      encoded.push({ content: base64, filename, type: contentType, disposition: 'attachment' })
    } catch (error) {
      if (!(error instanceof FileUnreadable)) throw error
      return {
        outcome: 'not_sent',
        retryable: true,
        errorCode: 'media_unreadable',
        errorMessage: error.message,
      }
    }
  }
  return encoded
}

async function toBase64(content: Attachment['content'], signal: AbortSignal): Promise<string> {
  if (typeof content === 'string') return content
  const chunks: Uint8Array[] = []
  for await (const chunk of readFile(content)) {
    chunks.push(chunk)
    // The request says that it was too late, and nothing was sent.
    if (signal.aborted) break
  }
  return Buffer.concat(chunks).toString('base64')
}

function toRequest(mail: Outgoing, attachments: Encoded[]) {
  const headers = {
    ...(mail.inReplyTo ? { 'In-Reply-To': mail.inReplyTo } : {}),
    ...(mail.references.length > 0 ? { References: mail.references.join(' ') } : {}),
  }
  // The plain text is there for everybody, and has to come first; a part may not be empty.
  const content = [
    ...(mail.text || !mail.html ? [{ type: 'text/plain', value: mail.text || ' ' }] : []),
    ...(mail.html ? [{ type: 'text/html', value: mail.html }] : []),
  ]
  return {
    personalizations: [{ ...recipients(mail) }],
    from: { email: mail.from.address, ...(mail.from.name ? { name: mail.from.name } : {}) },
    ...(mail.replyTo ? { reply_to: { email: mail.replyTo } } : {}),
    subject: mail.subject,
    content,
    ...(attachments.length > 0 ? { attachments } : {}),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
  }
}

/** An address may stand in one of the three lists only, or SendGrid refuses the request. */
function recipients(mail: Outgoing) {
  const seen = new Set<string>()
  const list = (addresses: string[]) =>
    addresses.flatMap((email) => {
      const known = seen.has(email.toLowerCase())
      seen.add(email.toLowerCase())
      return known ? [] : [{ email }]
    })
  const to = list([mail.to])
  const cc = list(mail.cc)
  const bcc = list(mail.bcc)
  return { to, ...(cc.length > 0 ? { cc } : {}), ...(bcc.length > 0 ? { bcc } : {}) }
}

function withTemplate(
  mail: Outgoing,
  message: OutboundMessage,
  { template_id, data }: z.output<typeof template>,
) {
  return {
    template_id,
    personalizations: [{ ...recipients(mail), ...(data ? { dynamic_template_data: data } : {}) }],
    // Undefined is left out of JSON.
    content: undefined,
    subject: typeof message.metadata['subject'] === 'string' ? mail.subject : undefined,
  }
}
