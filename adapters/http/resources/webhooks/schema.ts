/** Webhooks in the document: their bodies are the providers', so it tells of them loosely, and of all channels at once. */

import type { OpenAPIV3_1 } from 'openapi-types'
import { z } from 'zod'
import { channels } from '../../../channels/registry.ts'

const names = [...channels.keys()]
const signed = [...channels.values()].filter((one) => one.signed).map(({ name }) => name)
const channel = z.enum(names).describe('Whose webhook it is')
const accountId = z.uuid().describe('The account of ours that it is for')

const received = z.object({
  success: z.literal(true),
  data: z.looseObject({
    inboxId: z.string().describe('By which its bytes are kept'),
    messages: z.array(z.looseObject({ id: z.uuid() })),
    updates: z.array(z.looseObject({})).or(z.number()),
    duplicates: z.number(),
  }),
})
const response = {
  200: {
    description: 'It is kept; said as its provider expects',
    content: {
      'application/json': { schema: z.union([received, z.looseObject({})]) },
      'text/xml': { schema: z.string() },
    },
  },
}

/** Whatever comes is taken; these are what providers send. */
const requestBody: OpenAPIV3_1.RequestBodyObject = {
  required: true,
  content: {
    'application/json': { schema: {} },
    'application/x-www-form-urlencoded': { schema: { type: 'object' } },
    'multipart/form-data': { schema: { type: 'object' } },
    'message/rfc822': { schema: { type: 'string' } },
  },
}
const errors = [400, 401, 403, 409, 413] as const

/** `POST /api/webhooks/<channel>`. */
export const bare = {
  url: '/:channel',
  schema: {
    operationId: 'receiveWebhook',
    summary: 'Take a webhook for the account that its payload names',
    description: 'Needs a key with the scope `webhooks`. The account is opened where it is new.',
    params: z.object({ channel }),
    response,
  },
  errors: [...errors],
  operation: { requestBody, security: [{ bearer: ['webhooks'] }, { basic: ['webhooks'] }] },
}

/** `POST /api/webhooks/<channel>/<account id>`. */
export const ofAccount = {
  url: '/:channel/:accountId',
  schema: {
    operationId: 'receiveAccountWebhook',
    summary: 'Take a webhook for an account',
    description: `Those of ${signed.join(', ')} prove themselves by their signatures, over the account's secret; others need a key with the scope \`webhooks\`.`,
    params: z.object({ channel, accountId }),
    response,
  },
  errors: [...errors],
  operation: { requestBody, security: [{}, ...bare.operation.security] },
}

/** `GET` of the same, of those who ask before they send. */
export const handshake = {
  url: ofAccount.url,
  schema: {
    operationId: 'verifyWebhook',
    summary: 'Answer the handshake of a provider that has one',
    params: z.object({ channel, accountId }),
    querystring: z.object({
      'hub.mode': z.string().optional().describe('WhatsApp’s: subscribe'),
      'hub.verify_token': z.string().optional().describe('The secret verify_token of the account'),
      'hub.challenge': z.string().optional().describe('What is answered'),
    }),
    response: { 200: { content: { 'text/plain': { schema: z.string() } } } },
  },
  errors: [...errors],
  operation: { security: ofAccount.operation.security },
}
