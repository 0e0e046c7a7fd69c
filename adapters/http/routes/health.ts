import type { FastifyInstance } from 'fastify'
import type { Sql } from '../../../db/connect.ts'
import { pendingMigrations } from '../../../db/migrations.ts'
import type { ApiContext } from '../context.ts'
import { loggable, type Problem, problemBody } from '../errors.ts'
import { noQuery } from '../inputs.ts'

/** ms in which the database must answer; a probe is not kept waiting for a connection that does not come. */
const patience = 2000

const schema = { querystring: noQuery }

/** `/health/live` says that the process answers, `/health/ready` that it can serve: it names what is missing if not. */
export function addHealth(app: FastifyInstance, context: ApiContext, sql: Sql): void {
  app.get('/health/live', { schema }, async () => ({
    success: true,
    data: { status: 'live', version: context.version },
  }))

  app.get('/health/ready', { schema }, async (request, reply) => {
    const missing: Problem['details'] = []
    try {
      const pending = await within(patience, pendingMigrations(sql))
      if (pending.length > 0) {
        missing.push({
          field: 'migrations',
          message: `${pending.length} not applied, the first is ${pending[0]}`,
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
    return { success: true, data: { status: 'ready', database: 'ok', migrations: 'ok' } }
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
