import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { connect } from '../../../db/connect.ts'
import { asPigeonpostError, DatabaseFullError, InvalidInputError } from '../../../db/errors.ts'
import { createReceiver } from '../../inbound/index.ts'
import { addDocument } from '../openapi/index.ts'
import { addResources } from '../resources/index.ts'
import { createAdmission } from './admission.ts'
import { createAuthenticate, requireScopes } from './auth.ts'
import { createContext, type MediaSettings, type Services } from './context.ts'
import { allowOrigins } from './cors.ts'
import { trackDisconnects } from './disconnect.ts'
import { isLoopback, refuseForeignPages } from './loopback.ts'
import { createRateLimit } from './rate-limit.ts'
import { createApp } from './server.ts'

export type ApiOptions = {
  /** Of the database. */
  url: string
  /** For LISTEN, where `url` leads to a pooler that shares sessions; without it, streams look once a second. */
  directUrl?: string | undefined
  host: string
  /** 0: any that is free. */
  port: number
  /** `none`, on loopback only: every request acts as tenant 1, and the Authorization header is ignored. */
  auth: 'keys' | 'none'
  logger: Logger
  /** Connections to the database. Default 10. */
  connections?: number
  /** ms that a request queues for one of them before it is answered 503. Default 5000. */
  waitMs?: number
  /** ms that a statement waits for a lock before its request is answered 503. Default 15,000. */
  lockMs?: number
  /** ms until a request has to be here in full, and that a connection may be idle. Default 60,000. */
  requestTimeoutMs?: number
  version?: string
  /** The base URL at which providers reach us, without a trailing slash. Default: that of their requests (Host). */
  publicUrl?: string | null
  /** The storage of files; without it, none are accepted and none are served. */
  media?: MediaSettings
  /** Allowed CORS origins, such as `https://app.example.org`; `*`: all. Default: none. */
  corsOrigins?: readonly string[]
}

export type Api = {
  /** Where it listens: `http://127.0.0.1:8080`. */
  url: string
  /** Stops accepting requests, answers those under way for a second at most, and closes the pools. */
  close(): Promise<void>
}

/**
 * Starts the HTTP server. It needs no database to start: `/health/ready` says when it can serve.
 * @throws InvalidInputError, field `PIGEONPOST_AUTH`, for `none` on an address that others can reach.
 * @throws the system's error (EADDRINUSE and its like) where it cannot listen.
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { auth, connections = 10, waitMs = 5000, lockMs = 15_000 } = options
  if (auth === 'none' && !isLoopback(options.host)) {
    throw new InvalidInputError(
      `PIGEONPOST_AUTH=none is accepted only on loopback, not on ${options.host}`,
      {
        code: 'auth_none_needs_loopback',
        field: 'PIGEONPOST_AUTH',
        hint: 'Set HOST=127.0.0.1, or PIGEONPOST_AUTH=keys.',
      },
    )
  }
  const sql = connect(options.url, { max: connections, name: 'pigeonpost api' })
  const admit = createAdmission({ size: connections, maxQueued: 1000, waitMs })
  const listener = connect(options.directUrl ?? options.url, {
    max: 1,
    name: 'pigeonpost api events',
  })
  const context = createContext(sql, admit, {
    auth,
    lockMs,
    version: options.version ?? 'unknown',
    publicUrl: options.publicUrl ?? null,
  })
  const app = createApp(options.logger, options.requestTimeoutMs)
  trackDisconnects(app)
  if (auth === 'none') {
    app.addHook('onRequest', async (request) => refuseForeignPages(request))
  }
  app.addHook('onError', async (_request, _reply, error) => {
    if (asPigeonpostError(error) instanceof DatabaseFullError) {
      context.fullDisk.seenAt = performance.now()
    }
  })
  await allowOrigins(app, options.corsOrigins ?? [])
  const authenticate = createAuthenticate(context, await createRateLimit(app))
  app.addHook('onRequest', async (request, reply) => {
    const { scope } = request.routeOptions.config
    if (scope) await authenticate(request, reply, scope)
  })
  // Connections of their own: two that are always in use are warmer than ten by turns, and webhooks wait for no one else.
  const lanes = Math.min(2, connections)
  const inbox = connect(options.url, { max: lanes, name: 'pigeonpost api webhooks' })
  // One for the usual webhooks, whose statements follow each other on it: while the database does one, the next is there.
  const plain = connect(options.url, { max: 1, name: 'pigeonpost api webhooks' })
  const receiver = createReceiver({
    run: async (work) => work(inbox),
    plain: async (work) => work(plain),
    lookUp: context.run,
    lanes,
    waitMs,
    lockMs,
  })
  await addRoutes(app, { context, sql, listener, receiver, media: options.media })

  const close = async () => {
    const deadline = setTimeout(() => app.server.closeAllConnections(), 1000)
    await app.close()
    clearTimeout(deadline)
    await Promise.all([
      sql.end({ timeout: 1 }),
      listener.end({ timeout: 1 }),
      inbox.end({ timeout: 1 }),
      plain.end({ timeout: 1 }),
    ])
  }
  try {
    return { url: await app.listen({ host: options.host, port: options.port }), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Adds every route, and the document that describes them. */
export async function addRoutes(app: FastifyInstance, services: Services): Promise<void> {
  // The document's page is a library's, whose routes declare no scope; ours come after.
  await addDocument(app, services.context.version)
  requireScopes(app)
  await addResources(app, services)
}
