import type { FastifyInstance } from 'fastify'
import { acceptNoBody } from './no-body.ts'

/** Where the documents find things: 004 under /api/v1, 003 under /api, 001 without either. */
export const documentPrefixes = ['/api/v1', '/api', ''] as const

/** Adds the same routes under each prefix. A request without a body may say that it is JSON. */
export async function underEach(
  app: FastifyInstance,
  prefixes: readonly string[],
  add: (scope: FastifyInstance) => void,
): Promise<void> {
  for (const prefix of prefixes) {
    await app.register(
      async (scope) => {
        acceptNoBody(scope)
        add(scope)
      },
      prefix ? { prefix } : {},
    )
  }
}
