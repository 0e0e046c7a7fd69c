import { fastifyCors } from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import { replayedHeader } from './idempotency.ts'

/**
 * CORS for these origins (`https://app.example.org`; `*` for all): their pages may call the API with a key that they send
 * themselves, and preflight requests, which carry none, are answered. No cookies, so a page can do no more than its key.
 * Without origins nothing is added: browsers then keep the answers from every page but our own.
 */
export async function allowOrigins(
  app: FastifyInstance,
  origins: readonly string[],
): Promise<void> {
  if (origins.length === 0) return
  await app.register(fastifyCors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [
      'X-Request-Id',
      'Retry-After',
      'WWW-Authenticate',
      'RateLimit-Limit',
      'RateLimit-Remaining',
      'RateLimit-Reset',
      replayedHeader,
    ],
    // Seconds for which a browser need not ask again.
    maxAge: 600,
    // Its answer to an OPTIONS that is none of a browser's would not have our shape.
    strictPreflight: false,
  })
}
