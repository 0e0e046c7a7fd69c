import type { FastifyInstance } from 'fastify'

/** Adds the same routes under each prefix, in a scope of its own; those after the first are aliases. */
export async function addUnder(
  app: FastifyInstance,
  prefixes: readonly [string, ...string[]],
  add: (scope: FastifyInstance) => void | Promise<void>,
): Promise<void> {
  const [main] = prefixes
  for (const prefix of prefixes) {
    await app.register(
      async (scope) => {
        if (prefix !== main) {
          scope.addHook('onRoute', (route) => {
            route.config = { ...route.config, aliasOf: main + route.url.slice(prefix.length) }
          })
        }
        await add(scope)
      },
      { prefix },
    )
  }
}
