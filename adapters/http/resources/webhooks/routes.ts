import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import { z } from 'zod'
import type { Channel, WebhookAnswer, WebhookRequest } from '../../../channels/channel.ts'
import { channelUnknown, type ReceivedWebhook, type WebhookError } from '../../../inbound/index.ts'
import { channels } from '../../../channels/registry.ts'
import { UnauthorizedError } from '../../../../db/errors.ts'
import type { Services } from '../../server/context.ts'
import { bare, handshake, ofAccount } from './schema.ts'
import { statusOf } from '../../server/errors.ts'
import { type Problem, problemBody } from '../../server/problem.ts'

const params = z.object({ accountId: z.uuid().optional() })

/**
 * `POST /api/webhooks/<channel>/<account id>`, and without the id for who has a key: whatever comes is kept in the inbox
 * byte by byte, and answered as its provider expects after it is committed. `GET` is for the handshakes of those who
 * have one. The body is taken as it is, whatever its content type says.
 *
 * Who may: channels that sign prove themselves by the secret of the account that the path names; the rest, and the bare
 * path, need a key with scope `webhooks`.
 */
export async function addWebhooks(
  app: FastifyInstance,
  { context, receiver }: Services,
): Promise<void> {
  function addChannel(scope: FastifyInstance, channel: Channel): void {
    const handler = (async (request: FastifyRequest, reply: FastifyReply) => {
      const { accountId = null } = request.params as z.infer<typeof params>
      const opened = await receiver
        .open({
          tenantId: request.principal?.tenantId ?? null,
          channel: channel.name,
          accountId,
          request: asWebhook(request, context.publicUrl),
        })
        .catch((error: unknown) => {
          if (error instanceof UnauthorizedError) context.refusedWebhooks.count(channel.name)
          throw error
        })
      if (opened.handshake) return answer(reply, opened.handshake)
      const received = await receiver.store(opened)
      const { error } = received
      if (!error) {
        return channel.answer
          ? answer(reply, channel.answer(opened.request))
          : { success: true, data: dataOf(received) }
      }
      request.log.warn(
        { inboxId: received.inboxId, code: error.code, field: error.field },
        'a webhook was kept as failed',
      )
      // A provider cannot mend it, and would send it again until it gave up on us: it has done its part.
      if (channel.signed && accountId !== null && statusOf(error) < 500) {
        return channel.answer
          ? answer(reply, channel.answer(opened.request))
          : { success: true, data: { ...dataOf(received), error: described(error) } }
      }
      return refuse(request, reply, received.inboxId, error)
    }) as RouteHandlerMethod

    for (const path of ['', '/:accountId']) {
      scope.route({
        // Only an account has a secret to shake hands by.
        method: channel.handshake && path !== '' ? ['POST', 'GET'] : ['POST'],
        url: `/${channel.name}${path}`,
        exposeHeadRoute: false,
        bodyLimit: channel.maxBytes ?? 2 * 1024 * 1024,
        schema: { params },
        config: {
          // Whoever signs needs no key, where the path says whose signature it has to be.
          scope: channel.signed && path !== '' ? null : 'webhooks',
          aliasOf: `/api/webhooks/:channel${path}`,
        },
        handler,
      })
    }
  }

  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    for (const channel of channels.values()) addChannel(scope, channel)
    // What the document tells of, and what other names of channels come to.
    for (const { url, schema, errors, operation } of [bare, ofAccount]) {
      scope.post<{ Params: { channel: string } }>(url, {
        schema,
        validatorCompiler: () => () => true,
        config: { scope: null, errors, operation },
        handler: async (request) => {
          throw channelUnknown(request.params.channel)
        },
      })
    }
    scope.get(handshake.url, {
      schema: handshake.schema,
      validatorCompiler: () => () => true,
      exposeHeadRoute: false,
      config: { scope: null, errors: handshake.errors, operation: handshake.operation },
      handler: (_request, reply) => reply.callNotFound(),
    })
  })
}

function dataOf({ inboxId, messages, updates, duplicates }: ReceivedWebhook): object {
  return { inboxId, messages, updates, duplicates }
}

function described({ name, ...rest }: WebhookError): object {
  return { status: statusOf({ name }), ...rest }
}

function answer(reply: FastifyReply, { status, contentType, body }: WebhookAnswer): FastifyReply {
  return reply.code(status).type(contentType).send(body)
}

function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  inboxId: string,
  error: WebhookError,
): FastifyReply {
  const { code, message, field, hint } = error
  const status = statusOf(error)
  if (status >= 500) {
    const said = `Something went wrong on our side; it is in the inbox as ${inboxId}, in the log as request ${request.id}`
    return reply
      .code(500)
      .send(problemBody({ status: 500, code: 'internal_error', message: said, details: [] }))
  }
  const details = [
    {
      field: field ?? 'body',
      message,
      hint: hint ?? `Kept in the inbox as ${inboxId}.`,
    },
  ]
  const problem: Problem = { status, code, message, details }
  return reply.code(status).send(problemBody(problem))
}

function asWebhook(request: FastifyRequest, publicUrl: string | null): WebhookRequest {
  const [path = ''] = request.url.split('?')
  const flat = (object: object) => {
    const strings: Record<string, string> = {}
    for (const [name, value] of Object.entries(object)) {
      if (value !== undefined)
        strings[name] = Array.isArray(value) ? value.join(', ') : String(value)
    }
    return strings
  }
  return {
    method: request.method,
    url: `${publicUrl ?? `${request.protocol}://${request.host}`}${request.url}`,
    path,
    query: flat(request.query as object),
    headers: flat(request.headers),
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    receivedAt: new Date(),
  }
}
