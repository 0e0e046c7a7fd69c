import { z } from 'zod'
import type { OutboundMessage, Provider, SendContext, SendOutcome } from '../channel.ts'
import { misconfigured } from '../shared/content.ts'
import { sendRequest } from '../shared/http-request.ts'
import { readSecrets } from '../../shared/secrets.ts'
import { readError } from './errors.ts'
import { upload } from './media.ts'
import { buildBody } from './request.ts'
import { graphUrl, settings } from './settings.ts'
import { mainSecret } from './verify.ts'

const answered = z.looseObject({ messages: z.array(z.looseObject({ id: z.string().min(1) })) })

/**
 * Sends by `POST /<version>/<phone_number_id>/messages`. Meta takes no idempotency key; the attempt's id goes along as
 * `biz_opaque_callback_data` and comes back in the statuses, which settles what was left in doubt. A file of ours that
 * Meta cannot fetch is uploaded first.
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
  const place = graphUrl(account, `${version}/${numberId}`)
  const authorization = `Bearer ${token}`
  let { body } = built
  if (built.upload) {
    const { file, as } = built.upload
    const id = await upload(file, { url: `${place}/media`, authorization, signal })
    if (typeof id !== 'string') return id
    body = { ...body, [as]: { id, ...(body[as] as object) } }
  }
  return sendRequest(
    {
      url: `${place}/messages`,
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify(body),
      signal,
    },
    {
      readId: ({ json }) => answered.safeParse(json).data?.messages[0]?.id ?? null,
      readError,
    },
  )
}
