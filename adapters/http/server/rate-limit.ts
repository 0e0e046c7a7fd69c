import { fastifyRateLimit } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { RateLimitedError } from '../../../db/errors.ts'
import { type LimitRate, principalOf } from './auth.ts'

const windowMs = 60_000

/**
 * Limits the rate of keys that have one, once the request has its principal: so many requests in each minute that begins
 * with the first of them. It is counted in this process alone, so N servers take up to N times as many; in the
 * database it would cost each request a write. The headers are those of the draft (RateLimit header fields for HTTP).
 * @throws RateLimitedError `rate_limited`, with Retry-After in seconds
 */
export async function createRateLimit(app: FastifyInstance): Promise<LimitRate> {
  await app.register(fastifyRateLimit, {
    global: false,
    timeWindow: windowMs,
    // Of keys with a limit; past that, the one that was silent longest begins anew.
    cache: 10_000,
    keyGenerator: (request) => String(principalOf(request).keyId),
    max: (request) => principalOf(request).ratePerMinute ?? 0,
  })
  const count = app.createRateLimit()
  return async (request, reply) => {
    const counted = await count(request)
    if (counted.isAllowed) return
    const { max, remaining, ttlInSeconds, isExceeded } = counted
    reply.headers({
      'ratelimit-limit': max,
      'ratelimit-remaining': remaining,
      'ratelimit-reset': ttlInSeconds,
    })
    if (!isExceeded) return
    reply.header('retry-after', ttlInSeconds)
    throw new RateLimitedError(`The API key may ask ${max} times a minute`, {
      code: 'rate_limited',
      field: 'Authorization',
      hint: `Try again in ${ttlInSeconds} s.`,
    })
  }
}
