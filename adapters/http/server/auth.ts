import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ForbiddenError, UnauthorizedError } from '../../../db/errors.ts'
import { findKey, type FoundKey } from '../../../db/keys/find.ts'
import { hashKey } from '../../../db/keys/create.ts'
import { type Scope, scopes as everything } from '../../../db/keys/scopes.ts'
import { createCache } from '../../shared/cache.ts'
import type { ApiContext } from './context.ts'

/** Counts a request against the rate of its key. @throws RateLimitedError */
export type LimitRate = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** On whose behalf a request runs: a tenant, by one of its keys, or by none under PIGEONPOST_AUTH=none. */
export type Principal = {
  tenantId: number
  keyId: string | null
  scopes: readonly string[]
  /** Requests that it may make here in a minute; null: any number. */
  ratePerMinute: number | null
}

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | null
  }
  interface FastifyContextConfig {
    /** The scope that the request's key must have; null: the route needs no key. Each route declares it. */
    scope?: Scope | null
  }
}

export type Authenticate = (
  request: FastifyRequest,
  reply: FastifyReply,
  scope: Scope,
) => Promise<void>

/** ms for which a key is accepted without asking the database: a revoked one works that much longer. */
const ttlMs = 2000
const maxEntries = 10_000

/**
 * A check of `Authorization: Bearer pp_…` that sets `request.principal`. The key may also be the password of Basic, which
 * is what a provider sends that is given the URL https://any:pp_…@host/ and no header.
 * @throws UnauthorizedError (with WWW-Authenticate, RFC 6750) `key_missing`, `key_wrong`; RateLimitedError `rate_limited`; ForbiddenError
 * `scope_missing`.
 */
export function createAuthenticate(context: ApiContext, limitRate: LimitRate): Authenticate {
  const cache = createCache<{ until: number; key: FoundKey }>({ maxEntries })

  const find = async (secret: string): Promise<FoundKey | null> => {
    const hash = hashKey(secret).toString('base64')
    const known = cache.get(hash)
    if (known && known.until > Date.now()) {
      return known.key
    }
    const key = await context.run((sql) => findKey(sql, secret, context))
    if (key) {
      cache.set(hash, { until: Date.now() + ttlMs, key })
    }
    return key
  }

  return async (request, reply, scope) => {
    if (context.auth === 'none') {
      request.principal = { tenantId: 1, keyId: null, scopes: everything, ratePerMinute: null }
      return
    }
    const header = request.headers.authorization ?? ''
    const secret = /^bearer +([^ ]+) *$/i.exec(header)?.[1] ?? basicPassword(header)
    if (!secret) {
      reply.header('www-authenticate', 'Bearer realm="pigeonpost"')
      throw new UnauthorizedError('An API key is missing', {
        code: 'key_missing',
        field: 'Authorization',
        hint: 'Send the header "Authorization: Bearer pp_…".',
      })
    }
    const key = await find(secret)
    if (!key) {
      reply.header('www-authenticate', 'Bearer realm="pigeonpost", error="invalid_token"')
      throw new UnauthorizedError('The API key is wrong, revoked or expired', {
        code: 'key_wrong',
        field: 'Authorization',
      })
    }
    request.principal = key
    if (key.ratePerMinute !== null) await limitRate(request, reply)
    if (!key.scopes.includes(scope)) {
      reply.header(
        'www-authenticate',
        `Bearer realm="pigeonpost", error="insufficient_scope", scope="${scope}"`,
      )
      throw new ForbiddenError(`The API key lacks the scope ${scope}`, {
        code: 'scope_missing',
        field: 'Authorization',
        hint: `Use a key with the scope ${scope}.`,
      })
    }
  }
}

/** Refuses routes that are added after it and declare no scope: an open route is open because it says so. */
export function requireScopes(app: FastifyInstance): void {
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.scope !== undefined) return
    throw new Error(
      `${String(method)} ${url} has to say its scope, or null where it is for everyone`,
    )
  })
}

function basicPassword(header: string): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header)?.[1]
  if (!encoded) return undefined
  const [, ...password] = Buffer.from(encoded, 'base64').toString('utf8').split(':')
  return password.join(':') || undefined
}

/** The principal of a route that authenticates. */
export function principalOf(request: FastifyRequest): Principal {
  if (!request.principal) {
    throw new Error(`${request.url} does not authenticate`)
  }
  return request.principal
}
