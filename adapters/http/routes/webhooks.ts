import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { WebhookRequest } from '../../channels/channel.ts'
import { receiveWebhook } from '../../channels/receive.ts'
import { channels } from '../../channels/registry.ts'
import { NotFound } from '../../../db/errors.ts'
import { type Authenticate, principalOf } from '../auth.ts'
import type { ApiContext } from '../context.ts'
import { type Problem, problemBody } from '../errors.ts'

const params = z.object({ channel: z.string(), accountId: z.uuid().optional() })
type Params = z.infer<typeof params>

/**
 * `POST /api/webhooks/<channel>` and `…/<account id>`: whatever comes is kept in the inbox byte by byte, and answered
 * after it is committed. The body is taken as it is, whatever its content type says.
 */
export async function addWebhooks(
  app: FastifyInstance,
  context: ApiContext,
  authenticate: Authenticate,
): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )

    for (const url of ['/api/webhooks/:channel', '/api/webhooks/:channel/:accountId']) {
      scope.post<{ Params: Params; Body: Buffer | undefined }>(url, {
        schema: { params },
        onRequest: async (request, reply) => {
          if (!channels.has(request.params.channel)) {
            throw new NotFound(`Channel "${request.params.channel}" is not known`, {
              code: 'channel_unknown',
              field: 'channel',
              hint: `Known are: ${[...channels.keys()].join(', ')}.`,
            })
          }
          await authenticate(request, reply, 'webhooks')
        },
        handler: async (request, reply) => {
          const { channel, accountId = null } = request.params
          const webhook = {
            tenantId: principalOf(request).tenantId,
            channel,
            accountId,
            request: asWebhook(request),
          }
          const received = await context.run((sql) => receiveWebhook(sql, webhook))
          if (received.error) {
            const { status, code, message, field, hint } = received.error
            request.log.warn(
              { inboxId: received.inboxId, code, field },
              'a webhook was kept as failed',
            )
            const details = [
              {
                field: field ?? 'body',
                message,
                hint: hint ?? `Kept in the inbox as ${received.inboxId}.`,
              },
            ]
            const problem: Problem = { status, code, message, details }
            return reply
              .code(status)
              .send(problemBody(status < 500 ? problem : ours(request, received.inboxId)))
          }
          const { inboxId, messages, updates, duplicates } = received
          return { success: true, data: { inboxId, messages, updates, duplicates } }
        },
      })
    }
  })
}

function ours(request: FastifyRequest, inboxId: string): Problem {
  const message = `Something went wrong on our side; it is in the inbox as ${inboxId}, in the log as request ${request.id}`
  return { status: 500, code: 'internal_error', message, details: [] }
}

function asWebhook(request: FastifyRequest): WebhookRequest {
  const [path = ''] = request.url.split('?')
  const several = (value: unknown) => (Array.isArray(value) ? value.join(', ') : String(value))
  const flat = (object: object) =>
    Object.fromEntries(
      Object.entries(object).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, several(value)]],
      ),
    )
  return {
    method: request.method,
    path,
    query: flat(request.query as object),
    headers: flat(request.headers),
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
  }
}
