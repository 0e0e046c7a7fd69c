import type { FastifyInstance } from 'fastify'
import { acceptNoBody } from './empty-json-body.ts'

/** Where the documents find things: 004 under /api/v1, 003 under /api, 001 without either. */
export const documentPrefixes = ['/api/v1', '/api', ''] as const

/** Adds the same routes under each prefix; those after the first are aliases. A request without a body may say that it is JSON. */
export async function underEach(
  app: FastifyInstance,
  prefixes: readonly string[],
  add: (scope: FastifyInstance) => void,
): Promise<void> {
  const [main] = prefixes
  for (const prefix of prefixes) {
    await app.register(
      async (scope) => {
        acceptNoBody(scope)
        if (prefix !== main) {
          scope.addHook('onRoute', (route) => {
            route.config = { ...route.config, aliasOf: main + route.url.slice(prefix.length) }
          })
        }
        add(scope)
      },
      prefix ? { prefix } : {},
    )
  }
}
