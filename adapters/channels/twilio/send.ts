import { z } from 'zod'
import type { OutboundMessage, Provider, SendContext, SendOutcome } from '../channel.ts'
import { apiUrl, cannotSend, locationOf, mediaOf, misconfigured } from '../shared/content.ts'
import { sendRequest } from '../shared/http-request.ts'
import { readAccess } from './access.ts'
import { spellAddress } from './addresses.ts'
import { readError } from './errors.ts'

/** Files in one message: twilio.com/docs/messaging/api/message-resource, and WhatsApp's one. */
const maxMedia: Record<string, number> = { sms: 10, whatsapp: 1 }

const templateSchema = z.looseObject({
  content_sid: z.string().min(1),
  variables: z.record(z.string(), z.union([z.string(), z.number()]).transform(String)).nullish(),
})

const created = z.looseObject({ sid: z.string().min(1) })

/**
 * SMS, MMS and WhatsApp by Twilio's Messages resource. Text, files by URL (10 on sms, 1 on whatsapp), a location on
 * whatsapp, and Content templates: `metadata.template` {content_sid, variables: {"1": …}}, which go without body and
 * files, as Twilio asks. Twilio has no way to quote, so an answer is sent as a plain message; and no idempotency key.
 * The attempt's id comes back in the URL of the status callback, where PIGEONPOST_PUBLIC_URL is set.
 */
export const twilioProvider: Provider = {
  name: 'twilio',
  channels: ['sms', 'whatsapp'],
  takesIdempotencyKey: () => false,
  async send(message, context) {
    const { account, signal } = context
    const access = readAccess(account)
    if ('outcome' in access) return access
    const sender = account.address
    if (!sender && !access.messagingServiceSid) {
      return misconfigured('the account needs an address or settings.messaging_service_sid')
    }
    const content = composeContent(message, account.channel)
    if (!Array.isArray(content)) return content
    const form: [string, string][] = [
      ['To', spellAddress(account.channel, message.address)],
      ...(sender ? [['From', spellAddress(account.channel, sender)] as [string, string]] : []),
      ...optional('MessagingServiceSid', access.messagingServiceSid),
      ...content,
      ...optional('StatusCallback', callbackUrl(message, context)),
    ]
    return sendRequest(
      {
        url: `${apiUrl(account, 'https://api.twilio.com')}/2010-04-01/Accounts/${access.accountSid}/Messages.json`,
        headers: {
          authorization: access.authorization,
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams(form).toString(),
        signal,
      },
      {
        readId: ({ json }) => created.safeParse(json).data?.sid ?? null,
        readError: (answer) => readError(answer, sender),
      },
    )
  },
}

function callbackUrl({ attemptId }: OutboundMessage, { account, publicUrl }: SendContext) {
  return publicUrl === null
    ? null
    : `${publicUrl}/api/webhooks/twilio/${account.accountId}?attempt=${attemptId}`
}

/** The parameters that say what is sent, or why it cannot be. */
function composeContent(
  message: OutboundMessage,
  channel: string,
): [string, string][] | SendOutcome {
  const most = maxMedia[channel]
  if (most === undefined) return unsupported(`Twilio does not send for channel ${channel}.`)
  if (message.conversationExternalId) return unsupported('Twilio has no groups.')
  const template = message.metadata['template']
  if (template !== undefined && template !== null) return composeTemplate(template)
  if (message.contentType === 'location') return composeLocation(message, channel)
  const media = mediaOf(message)
  if (media.some(({ file, url }) => file && !url)) {
    return cannotSend(
      'media_unreachable',
      'Twilio fetches files, and cannot reach ours: set PIGEONPOST_PUBLIC_URL, or store files in S3.',
    )
  }
  const urls = media.flatMap(({ url }) => (url && /^https?:\/\//i.test(url) ? [url] : []))
  if (urls.length < media.length) return unsupported('Twilio takes files by http(s) URL only.')
  if (urls.length > most) {
    return unsupported(
      `Twilio takes ${most} file(s) in a message on ${channel}, not ${urls.length}.`,
    )
  }
  if (message.contentType === 'structured') return unsupported('Only a template can be structured.')
  if (message.contentType !== 'text' && urls.length === 0) return unsupported('There is no file.')
  if (!message.body?.trim() && urls.length === 0) return unsupported('There is nothing to send.')
  return [
    ...optional('Body', message.body),
    ...urls.map((url): [string, string] => ['MediaUrl', url]),
  ]
}

function composeTemplate(given: unknown): [string, string][] | SendOutcome {
  const template = templateSchema.safeParse(given)
  if (!template.success) {
    const issue = template.error.issues[0]
    const field = ['metadata', 'template', ...(issue?.path ?? [])].join('.')
    return cannotSend('template_invalid', `${field}: ${issue?.message}`)
  }
  const { content_sid: contentSid, variables } = template.data
  return [
    ['ContentSid', contentSid],
    ...optional('ContentVariables', variables ? JSON.stringify(variables) : null),
  ]
}

/** Source: twilio.com/docs/whatsapp/message-features, location messages. The body is required, and shown beside it. */
function composeLocation(
  message: OutboundMessage,
  channel: string,
): [string, string][] | SendOutcome {
  if (channel !== 'whatsapp') return unsupported(`A location cannot be sent on ${channel}.`)
  const place = locationOf(message)
  if (!place) return cannotSend('location_invalid', 'metadata.location is no place on earth.')
  const point = `${place.latitude},${place.longitude}`
  const label = place.name || place.address
  return [
    ['Body', message.body?.trim() ? message.body : label || point],
    ['PersistentAction', label ? `geo:${point}|${label}` : `geo:${point}`],
  ]
}

function optional(name: string, value: string | null | undefined): [string, string][] {
  return value ? [[name, value]] : []
}

function unsupported(errorMessage: string): SendOutcome {
  return cannotSend('content_unsupported', errorMessage)
}
