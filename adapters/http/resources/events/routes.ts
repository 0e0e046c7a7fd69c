import { once } from 'node:events'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { InvalidInputError, UnavailableError } from '../../../../db/errors.ts'
import { listenEvents, type LoggedEvent, readEvents } from '../../../../db/events/listen.ts'
import { lastEventId } from '../../../../db/events/read-log.ts'
import { eventTypes } from '../../../../db/events/types.ts'
import { principalOf } from '../../server/auth.ts'
import { whole } from '../../shared/fields.ts'
import type { Services } from '../../server/context.ts'
import { commonHeaders } from '../../server/errors.ts'

const cursor = z.string().regex(/^\d{1,15}$/, 'must be the id of an event, or 0')

const query = z.strictObject({
  after: cursor
    .optional()
    .describe(
      'Events after this id; 0 for the oldest that is kept. A stream begins with what comes, a page with 0.',
    ),
  limit: whole('limit', 500).default(100),
  type: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('Only this type, or all that begin so (`message.*`); repeatable.'),
})

const event = z
  .object({
    id: z.int().describe('The cursor.'),
    // A string when it is written: a newer schema may log types that this server does not know.
    type: z.string().meta({ enum: Object.keys(eventTypes) }),
    createdAt: z.iso.datetime(),
    payload: z.record(z.string(), z.unknown()).describe('As the documents have it, in snake_case.'),
  })
  .meta({
    id: 'Event',
    oneOf: Object.entries(eventTypes).map(([type, { description, since, payload }]) => ({
      title: type,
      description: `${description} Since ${since}.`,
      required: ['type', 'payload'],
      properties: { type: { const: type }, payload },
    })),
  })

const page = z.object({
  success: z.literal(true),
  data: z.object({
    events: z.array(event),
    cursor: z.int().describe('Give it as `after` next, also where there were none.'),
  }),
})

const stream = {
  description:
    'With `Accept: text/event-stream` it goes on: each event comes with its id, type and the JSON that a page has of it.',
  parameters: [
    {
      in: 'header',
      name: 'Last-Event-ID',
      description: 'Of a stream: events after this id',
      schema: { type: 'string', pattern: '^\\d{1,15}$' },
    },
  ],
} satisfies FastifyContextConfig['operation']

/** Streams at once; each looks at the log every second. */
const maxStreams = 200
/** ms after which a stream that has nothing to say says so: proxies end silent connections. */
const heartbeatMs = 15_000

/**
 * `GET /api/v1/events`: the tenant's log from a cursor, in order and without gaps; with `Accept: text/event-stream` as
 * Server-Sent Events that go on, and go on where they were by `Last-Event-ID`.
 */
export function addEvents(app: FastifyInstance, { context, sql, listener }: Services): void {
  const closing = new AbortController()
  let streams = 0
  app.addHook('preClose', async () => closing.abort())

  app.withTypeProvider<ZodTypeProvider>().get('/events', {
    schema: {
      operationId: 'listEvents',
      summary: 'The log of events, by pages or as a stream',
      querystring: query,
      response: {
        200: {
          content: {
            'application/json': { schema: page },
            'text/event-stream': { schema: z.string() },
          },
        },
      },
    },
    config: { scope: 'messages:read', errors: [410], operation: stream },
    handler: async (request, reply) => {
      const { tenantId } = principalOf(request)
      const wanted = createFilter(request.query.type)
      const read = async (after: number, limit: number) =>
        context.asTenant(tenantId, (tx) => readEvents(tx, after, tenantId, limit))
      if (!request.headers.accept?.includes('text/event-stream')) {
        const after = Number(request.query.after ?? 0)
        const events = await read(after, request.query.limit)
        const data = {
          events: events.filter(wanted).map(toEvent),
          cursor: events.at(-1)?.id ?? after,
        }
        return { success: true as const, data }
      }

      if (streams >= maxStreams) {
        throw new UnavailableError('Too many streams at once', {
          code: 'busy',
          hint: 'Read by pages.',
        })
      }
      const given = cursorOf(request.headers['last-event-id'] ?? request.query.after)
      // Before the answer begins: a cursor that is too old is an error that can still be told.
      const after = given ?? (await context.run(lastEventId))
      if (given) await read(given, 1)
      reply.hijack()
      const { raw } = reply
      raw.writeHead(200, {
        ...(reply.getHeaders() as OutgoingHttpHeaders),
        ...commonHeaders(request.id),
        'content-type': 'text/event-stream; charset=utf-8',
        'x-accel-buffering': 'no',
      })
      raw.flushHeaders()
      const gone = new AbortController()
      raw.once('close', () => gone.abort())
      const heartbeat = setInterval(() => raw.write(': still here\n\n'), heartbeatMs)
      streams += 1
      try {
        await listenEvents(sql, {
          listener,
          after,
          tenantId,
          read: (from) => read(from, 500),
          signal: AbortSignal.any([gone.signal, closing.signal]),
          onEvents: async (events) => write(raw, events.filter(wanted)),
        })
      } catch (error) {
        // The client comes again with the last id that it has.
        request.log.warn({ err: error }, 'a stream of events was cut off')
      } finally {
        streams -= 1
        clearInterval(heartbeat)
        raw.end()
      }
    },
  })
}

async function write(raw: ServerResponse, events: LoggedEvent[]): Promise<void> {
  if (events.length === 0 || raw.destroyed) return
  const text = events
    .map((one) => `id: ${one.id}\nevent: ${one.type}\ndata: ${JSON.stringify(toEvent(one))}\n\n`)
    .join('')
  // A reader that is slow is waited for: nothing more is read for it meanwhile.
  if (!raw.write(text)) await Promise.race([once(raw, 'drain'), once(raw, 'close')])
}

function toEvent({
  id,
  type,
  payload,
  created_at: createdAt,
}: LoggedEvent): z.output<typeof event> {
  return { id, type, createdAt: createdAt.toISOString(), payload }
}

function cursorOf(given: string | string[] | undefined): number | null {
  if (given === undefined) return null
  const read = cursor.safeParse(given)
  if (!read.success) {
    throw new InvalidInputError('Last-Event-ID must be the id of an event, or 0', {
      code: 'invalid_input',
      field: 'Last-Event-ID',
    })
  }
  return Number(read.data)
}

function createFilter(given: string | string[] | undefined): (event: LoggedEvent) => boolean {
  if (given === undefined) return () => true
  const types = [given].flat()
  return ({ type }) =>
    types.some((one) => (one.endsWith('*') ? type.startsWith(one.slice(0, -1)) : type === one))
}
