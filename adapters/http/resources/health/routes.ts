import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { isReadOnly } from '../../../../db/read-only.ts'
import { missingFixtures } from '../../../../db/fixtures.ts'
import { pendingMigrations } from '../../../../db/migrations.ts'
import type { Services } from '../../server/context.ts'
import { loggable } from '../../server/errors.ts'
import { type Problem, problemBody } from '../../server/problem.ts'
import { noQuery } from '../../shared/fields.ts'
import { errorShape } from '../../openapi/errors.ts'

const live = z.object({
  success: z.literal(true),
  data: z.object({ status: z.literal('live'), version: z.string() }),
})
const ready = z.object({
  success: z.literal(true),
  data: z.object({
    status: z.literal('ready'),
    database: z.literal('ok'),
    migrations: z.literal('ok'),
  }),
})

/** ms in which the database must answer; a probe is not kept waiting for a connection that does not come. */
const patience = 2000
/** ms after the last write that the disk had no room for. */
const fullFor = 10_000

/** `/health/live` says that the process answers, `/health/ready` that it can serve: it names what is missing if not. */
export function addHealth(app: FastifyInstance, { context, sql }: Services): void {
  app.get('/health/live', {
    schema: {
      operationId: 'getLiveness',
      summary: 'Whether the process answers',
      querystring: noQuery,
      response: { 200: live },
    },
    config: { scope: null, errors: [400] },
    handler: async () => ({
      success: true,
      data: { status: 'live', version: context.version },
    }),
  })

  app.get('/health/ready', {
    schema: {
      operationId: 'getReadiness',
      summary: 'Whether it can serve; `details` name what is missing',
      querystring: noQuery,
      response: { 200: ready, 503: errorShape },
    },
    config: { scope: null, errors: [400] },
    handler: async (request, reply) => {
      const missing: Problem['details'] = []
      try {
        const [readOnly, ...pending] = await within(
          patience,
          Promise.all([isReadOnly(sql), pendingMigrations(sql), missingFixtures(sql)]),
        )
        if (readOnly) {
          missing.push({
            field: 'database',
            message: 'The database takes no writes',
            hint: 'It is a standby, or default_transaction_read_only is on.',
          })
        }
        const { seenAt } = context.fullDisk
        if (seenAt !== null && performance.now() - seenAt < fullFor) {
          missing.push({ field: 'database', message: 'The database has no room left' })
        }
        const [first, ...others] = pending.flat()
        if (first !== undefined) {
          missing.push({
            field: 'migrations',
            message: `${others.length + 1} not applied, the first is ${first}`,
            hint: 'Run: pigeonpost migrate',
          })
        }
      } catch (error) {
        request.log.warn({ err: loggable(error) }, 'not ready')
        const refused = error instanceof Error && 'code' in error && error.code === '42501'
        missing.push(
          refused
            ? { field: 'migrations', message: 'Our role may not read which are applied' }
            : { field: 'database', message: 'The database does not answer' },
        )
      }
      if (missing.length > 0) {
        const problem = { status: 503, code: 'not_ready', message: 'Not ready', details: missing }
        return reply.code(503).header('retry-after', '1').send(problemBody(problem))
      }
      const data = { status: 'ready', database: 'ok', migrations: 'ok' } as const
      return { success: true as const, data }
    },
  })
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
