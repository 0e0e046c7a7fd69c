import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'

/** A route as the server has it, with the zod schemas that validate what it is given. */
export type ListedRoute = {
  method: string
  url: string
  params: string[]
  query: Record<string, z.ZodType>
  body: z.ZodType | null
}

type Schema = {
  hide?: boolean
  body?: z.ZodType
  querystring?: z.ZodObject<Record<string, z.ZodType>>
}

/**
 * Every route of a server that is started after this call, filled while it starts; what the API's own document leaves out
 * (`hide`), and HEAD, are not among them. So a test over all routes meets those that are added later, too.
 */
export function watchRoutes(): Map<string, ListedRoute> {
  const routes = new Map<string, ListedRoute>()
  subscribe('fastify.initialization', (message) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url, schema }) => {
      const { hide = false, body, querystring } = (schema ?? {}) as Schema
      for (const one of [method].flat()) {
        if (hide || one === 'HEAD') continue
        routes.set(`${one} ${url}`, {
          method: one,
          url,
          params: [...url.matchAll(/:(\w+)/g)].map(([, name = '']) => name),
          query: querystring?.shape ?? {},
          body: body ?? null,
        })
      }
    })
  })
  return routes
}
