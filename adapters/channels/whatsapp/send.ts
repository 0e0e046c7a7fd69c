import { z } from 'zod'
import type { OutboundMessage, Provider, SendContext, SendOutcome } from '../channel.ts'
import { apiUrl, misconfigured } from '../content.ts'
import { sendRequest } from '../http-request.ts'
import { readSecrets } from '../secret.ts'
import { readError } from './errors.ts'
import { buildBody } from './request.ts'
import { mainSecret } from './verify.ts'

const settings = z.object({
  /** Of the number that sends; digits. */
  phone_number_id: z
    .union([z.string(), z.int()], 'is missing')
    .transform(String)
    .refine((value) => /^\d+$/.test(value), 'must be digits'),
  /** Of the Graph API. Meta's documents of 2026 use v25.0; a version lives two years at least. */
  api_version: z
    .string()
    .regex(/^v\d+\.\d+$/, 'must be like v25.0')
    .default('v25.0'),
})

const answered = z.looseObject({ messages: z.array(z.looseObject({ id: z.string().min(1) })) })

/**
 * Sends by `POST /<version>/<phone_number_id>/messages`. Meta takes no idempotency key; the attempt's id goes along as
 * `biz_opaque_callback_data` and comes back in the statuses, which settles what was left in doubt.
 * Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api
 */
export const whatsappProvider: Provider = {
  name: 'whatsapp',
  channels: ['whatsapp'],
  takesIdempotencyKey: () => false,
  send,
}

async function send(message: OutboundMessage, context: SendContext): Promise<SendOutcome> {
  const { account, signal } = context
  const { access_token: token } = readSecrets(account.secret, mainSecret)
  if (!token) return misconfigured('The secret access_token is missing.')
  const given = settings.safeParse(account.settings)
  if (!given.success) {
    const [issue] = given.error.issues
    return misconfigured(`settings.${issue?.path.join('.')}: ${issue?.message}`)
  }
  const built = buildBody(message)
  if ('outcome' in built) return built
  const { phone_number_id: numberId, api_version: version } = given.data
  return sendRequest(
    {
      url: `${apiUrl(account, 'https://graph.facebook.com')}/${version}/${numberId}/messages`,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(built.body),
      signal,
    },
    {
      readId: ({ json }) => answered.safeParse(json).data?.messages[0]?.id ?? null,
      readError,
    },
  )
}
