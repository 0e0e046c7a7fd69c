import { PassThrough, Readable } from 'node:stream'
import { domainToASCII } from 'node:url'
import { createTransport } from 'nodemailer'
import type {
  ChannelAccount,
  OutboundMessage,
  Provider,
  SendContext,
  SendOutcome,
} from '../channel.ts'
import { cannotSend, misconfigured } from '../shared/content.ts'
import { compose, isEmpty, type Outgoing } from '../email/compose.ts'
import { readFile } from '../shared/multipart.ts'
import { readSecrets } from '../../shared/secrets.ts'
import { classifyError } from './errors.ts'
import { type SmtpSettings, smtpSettings } from './schema.ts'

/** ms. The signal ends everything besides; these end what hangs sooner. */
const timeouts = {
  connectionTimeout: 15_000,
  greetingTimeout: 10_000,
  dnsTimeout: 10_000,
  socketTimeout: 60_000,
  socketCloseTimeout: 1_000,
}

/**
 * Mail by any SMTP server, one connection a message. We choose the Message-ID, `<attempt's id@the account's domain>`, so
 * that answers, bounces and a lost outcome lead back to the message; without its brackets it is the external id. SMTP
 * knows no idempotency key. Nothing is fetched: files that are elsewhere are links (see ../email/compose.ts).
 */
export const smtpProvider: Provider = {
  name: 'smtp',
  channels: ['email'],
  takesIdempotencyKey: () => false,
  async send(message: OutboundMessage, context: SendContext): Promise<SendOutcome> {
    const { account, signal } = context
    const settings = smtpSettings.safeParse(account.settings)
    if (!settings.success) {
      const [issue] = settings.error.issues
      return misconfigured(`settings.${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
    }
    const domain = domainToASCII(/@([^@\s]+)$/.exec(account.address ?? '')?.[1] ?? '')
    if (!domain) return misconfigured('The account has no address to send from.')
    if (message.metadata['template']) {
      return cannotSend('content_unsupported', 'SMTP knows no templates.')
    }
    const mail = compose(message, account)
    if ('outcome' in mail) return mail
    if (isEmpty(mail)) {
      return cannotSend('content_unsupported', 'The message has no body and no file.')
    }
    if (signal.aborted) {
      return {
        outcome: 'not_sent',
        retryable: true,
        errorCode: 'aborted',
        errorMessage: 'The time was over before the message left.',
      }
    }
    return deliver(mail, `${message.attemptId}@${domain}`, {
      account,
      settings: settings.data,
      signal,
    })
  },
}

async function deliver(
  mail: Outgoing,
  messageId: string,
  about: { account: ChannelAccount; settings: SmtpSettings; signal: AbortSignal },
): Promise<SendOutcome> {
  const { account, settings, signal } = about
  const { user, password } = readSecrets(account.secret, 'password')
  const transport = createTransport({
    host: settings.host,
    port: settings.port,
    secure: settings.secure,
    requireTLS: settings.requireTls,
    tls: { rejectUnauthorized: settings.rejectUnauthorized },
    ...(password
      ? { auth: { user: user ?? mail.from.address, pass: password }, forceAuth: true }
      : {}),
    ...timeouts,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  let written = false
  transport.use('stream', ({ message }, done) => {
    // The last to hold the message before it goes out: it ends just before the dot is added that tells the server to
    // take it, and not before the server has asked for it.
    message.processFunc((input) => {
      const last = new PassThrough()
      last.on('end', () => {
        written = true
      })
      input.on('error', (error) => last.destroy(error))
      return input.pipe(last)
    })
    done()
  })
  try {
    const { accepted, rejected, rejectedErrors } = await transport.sendMail({
      ...toMail(mail),
      messageId: `<${messageId}>`,
      signal,
    })
    if (rejected.some((one) => one.toLowerCase() === mail.to.toLowerCase())) {
      // Its copies went out: another try would send them again, whatever the reason was.
      const why = rejectedErrors?.find(
        ({ recipient }) => recipient?.toLowerCase() === mail.to.toLowerCase(),
      )
      const said = `${mail.to} was refused, and a copy was taken for ${accepted.join(', ')}: `
      return cannotSend('recipient_refused', `${said}${why?.response ?? ''}`.slice(0, 1000))
    }
    return { outcome: 'sent', externalMessageId: messageId }
  } catch (error) {
    return classifyError(error, { written })
  } finally {
    transport.close()
  }
}

function toMail(mail: Outgoing) {
  return {
    from: { address: mail.from.address, name: mail.from.name ?? '' },
    to: { address: mail.to, name: '' },
    cc: mail.cc,
    bcc: mail.bcc,
    ...(mail.replyTo ? { replyTo: mail.replyTo } : {}),
    subject: mail.subject,
    text: mail.text,
    ...(mail.html ? { html: mail.html } : {}),
    ...(mail.inReplyTo ? { inReplyTo: mail.inReplyTo } : {}),
    references: mail.references,
    attachments: mail.attachments.map(({ filename, contentType, content }) => ({
      filename,
      contentType,
      ...(typeof content === 'string'
        ? { content, encoding: 'base64' }
        : { content: Readable.from(readFile(content)) }),
    })),
  }
}
