/** The errors in the document: one shape, and what each status means. */

import type { FastifySchema, RouteOptions } from 'fastify'
import type { OpenAPIV3_1 } from 'openapi-types'
import { z } from 'zod'

/** `problemBody` of ../server/problem.ts as a schema. */
export const errorShape = z
  .object({
    success: z.literal(false),
    code: z.string().describe('What went wrong, for programs'),
    message: z.string().describe('The same for people'),
    details: z
      .array(z.object({ field: z.string(), message: z.string(), hint: z.string().optional() }))
      .describe('The fields of the request that it is about'),
  })
  .meta({ id: 'Error' })

const errors = {
  400: ['BadRequest', 'Something in the request is wrong: `details` names the field'],
  401: ['Unauthorized', 'The API key is missing, wrong, revoked or expired'],
  403: ['Forbidden', 'The API key lacks the scope, or the page that asks is a foreign one'],
  404: ['NotFound', 'There is no such thing, or it is another tenant’s'],
  409: ['Conflict', 'Its state does not allow that, or another has what should be unique'],
  410: ['Gone', 'The events after that cursor are no longer kept'],
  408: ['TimedOut', 'The body stopped coming'],
  413: ['TooLarge', 'The body is too large'],
  414: ['PathTooLong', 'A part of the path is longer than any can be'],
  415: ['UnsupportedMediaType', 'The body is not of a content type that is taken here'],
  416: ['RangeWrong', 'The range begins after the end of the file'],
  422: ['FileRefused', 'The file is infected, or is no picture that can be read'],
  429: ['TooManyRequests', 'The key has asked too often; Retry-After says when to ask again'],
  500: ['InternalError', 'Something went wrong on our side; it is in our log by its x-request-id'],
  503: [
    'Unavailable',
    'The database or the storage of files cannot be reached, or is busy; ask again after Retry-After',
  ],
  507: ['StorageFull', 'The storage is full; free space on the server, then send it again'],
} as const
export type ErrorStatus = keyof typeof errors

const retryAfter = { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }
const requestId = { 'x-request-id': { $ref: '#/components/headers/RequestId' } }

/** On every answer. */
export const answerHeaders = requestId

export const errorComponents: Required<
  Pick<OpenAPIV3_1.ComponentsObject, 'headers' | 'responses'>
> = {
  headers: {
    RequestId: {
      description: 'Of this request, as the log has it; the request’s own where it brought one',
      schema: { type: 'string' },
    },
    RetryAfter: { description: 'Seconds', schema: { type: 'integer', minimum: 0 } },
  },
  responses: Object.fromEntries(
    Object.entries(errors).map(([status, [name, description]]) => [
      name,
      {
        description,
        headers: { ...requestId, ...(status === '429' || status === '503' ? retryAfter : {}) },
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  ),
}

/**
 * The errors that a route can answer, as references. They follow from whether it asks for a key, has a path with
 * parameters, and takes a body; what else there is it names in `config.errors`.
 */
export function errorResponses(
  route: RouteOptions & { schema?: FastifySchema },
): Record<string, OpenAPIV3_1.ReferenceObject> {
  const { scope, errors: others = [] } = route.config ?? {}
  const statuses: ErrorStatus[] = [500, 503, ...others]
  if (scope) statuses.push(400, 401, 403, 429)
  if (route.url.includes(':')) statuses.push(404, 414)
  if (scope && route.method !== 'GET') statuses.push(409, 413, 415)
  return Object.fromEntries(
    statuses.map((status) => [status, { $ref: `#/components/responses/${errors[status][0]}` }]),
  )
}
