import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { serializerCompiler } from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import { connect, type Sql } from '../../../db/connect.ts'
import { InvalidInputError } from '../../../db/errors.ts'
import { createAuthenticate, requireScopes } from './auth.ts'
import { createReceiver, type Receiver } from '../../inbound/index.ts'
import { type ApiContext, createContext } from './context.ts'
import { answerError, commonHeaders } from './errors.ts'
import { problemBody } from './problem.ts'
import { knowClients } from './disconnect.ts'
import { createGate } from './admission.ts'
import { isLoopback, refuseForeignPages } from './loopback.ts'
import { refuseRepeatedHeaders } from './repeated-headers.ts'
import { allowOrigins } from './cors.ts'
import { createRateLimit } from './rate-limit.ts'
import { addDocument } from '../openapi/index.ts'
import { addEvents } from '../resources/events/routes.ts'
import { documentPrefixes, underEach } from './prefixes.ts'
import { addAccountState } from '../resources/accounts/account-actions.ts'
import { addAccounts } from '../resources/accounts/routes.ts'
import { addConversationContents } from '../resources/conversations/messages.ts'
import { addConversations } from '../resources/conversations/routes.ts'
import { addCustomers } from '../resources/customers/routes.ts'
import { addHealth } from '../resources/health/routes.ts'
import { addIdentities } from '../resources/customers/identities.ts'
import { addKeys } from '../resources/keys/routes.ts'
import { addFiles } from '../resources/media/files.ts'
import { addMedia, type MediaSettings } from '../resources/media/routes.ts'
import { addMessageList } from '../resources/messages/list.ts'
import { addMessages } from '../resources/messages/routes.ts'
import { addMetrics } from '../resources/metrics/routes.ts'
import { addParticipantRoutes } from '../resources/conversations/participants.ts'
import { addSettling } from '../resources/messages/message-actions.ts'
import { addThreads } from '../resources/threads/routes.ts'
import { addTransactional } from '../resources/transactional/routes.ts'
import { addWebhooks } from '../resources/webhooks/routes.ts'
import { validateInput } from './validate.ts'

export interface ApiOptions {
  /** The database's. */
  url: string
  host: string
  /** 0: any that is free. */
  port: number
  /** `none`, on loopback only: every request acts as tenant 1, and the Authorization header is ignored. */
  auth: 'keys' | 'none'
  logger: Logger
  /** Connections to the database. Default 10. */
  connections?: number
  /** ms that a request waits for one of them before it is answered 503. Default 5000. */
  busyAfter?: number
  /** ms that a statement waits for a lock before its request is answered 503. Default 30,000. */
  lockMs?: number
  /** ms that a client has for its request to come whole, and that a connection may be silent. Default 60,000. */
  patienceMs?: number
  version?: string
  /** Where providers reach us, without a trailing slash. Default: what their requests say (Host). */
  publicUrl?: string | null
  /** Where files lie; without it, none are taken and none are served. */
  media?: MediaSettings
  /** Whose pages may call us from a browser, such as `https://app.example.org`; `*`: everyone's. Default: nobody's. */
  corsOrigins?: readonly string[]
}

export interface Api {
  /** Where it listens: `http://127.0.0.1:8080`. */
  url: string
  /** Answers what was asked, for a second at most, and ends. */
  close(): Promise<void>
}

/** Characters of one part of a path: an address of 255, each of them as four bytes that are escaped. */
const longestParameter = 255 * 4 * 3

/** Bytes of a request's body (DESIGN.md section 8). */
const bodyLimit = 2 * 1024 * 1024

/**
 * Starts the HTTP server. It needs no database to start: `/health/ready` says when it can serve.
 * @throws InvalidInputError, field `PIGEONPOST_AUTH`, for `none` on an address that others can reach.
 * @throws the system's error (EADDRINUSE and its like) where it cannot listen.
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { auth, connections = 10, busyAfter = 5000, lockMs = 30_000 } = options
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
  const gate = createGate({ size: connections, line: 1000, waitMs: busyAfter })
  const context = createContext(sql, gate, {
    auth,
    lockMs,
    version: options.version ?? 'unknown',
    publicUrl: options.publicUrl ?? null,
  })
  const app = createApp(options.logger, options.patienceMs)
  knowClients(app)
  if (auth === 'none') {
    app.addHook('onRequest', async (request) => refuseForeignPages(request))
  }
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
    waitMs: busyAfter,
    lockMs,
  })
  await addRoutes(app, context, { sql, receiver, media: options.media })

  const close = async () => {
    const hurry = setTimeout(() => app.server.closeAllConnections(), 1000)
    await app.close()
    clearTimeout(hurry)
    await Promise.all([
      sql.end({ timeout: 1 }),
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

/** Adds every route that there is, and the document that tells of them. */
export async function addRoutes(
  app: FastifyInstance,
  context: ApiContext,
  { sql, receiver, media }: { sql: Sql; receiver: Receiver; media?: MediaSettings | undefined },
): Promise<void> {
  // Its page is a library's, whose routes say no scope; ours come after.
  await addDocument(app, context.version)
  requireScopes(app)
  addHealth(app, context, sql)
  addMessages(app, context)
  await addMessageList(app, context)
  await addSettling(app, context)
  addTransactional(app, context)
  addMetrics(app, context)
  addEvents(app, context, sql)
  await underEach(app, documentPrefixes, (scope) => {
    addConversations(scope, context)
    addParticipantRoutes(scope, context)
    addConversationContents(scope, context)
  })
  await underEach(app, ['/api/v1', '/api'], (scope) => {
    addThreads(scope, context)
    addCustomers(scope, context)
    addIdentities(scope, context)
    addAccounts(scope, context)
    addAccountState(scope, context)
    addKeys(scope, context)
  })
  if (media) {
    await addMedia(app, context, media)
    addFiles(app, media.storages)
  }
  await addWebhooks(app, context, receiver)
}

/** The server without routes: its limits, hooks and errors. */
export function createApp(logger: Logger, patienceMs = 60_000): FastifyInstance {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    bodyLimit,
    routerOptions: { maxParamLength: longestParameter },
    requestTimeout: patienceMs,
    // Of who does not read its answer: the socket is silent then. A stream of events has its heartbeats.
    connectionTimeout: patienceMs,
    http: {
      headersTimeout: patienceMs,
      connectionsCheckingInterval: Math.min(5_000, patienceMs / 4),
    },
    return503OnClosing: false,
    genReqId: ({ headers }) => {
      const given = headers['x-request-id']
      return typeof given === 'string' && /^[\w-]{8,64}$/.test(given) ? given : randomUUID()
    },
    frameworkErrors: (error, request, reply) =>
      void answerError(error, request, reply.headers(commonHeaders(request.id))),
    clientErrorHandler,
  }) as unknown as FastifyInstance
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(validateInput)
  app.setSerializerCompiler(serializerCompiler)
  app.decorateRequest('principal', null)
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((request, reply) => {
    const [path] = request.url.split('?')
    const message = `There is no ${request.method} ${path}`
    const problem = { status: 404, code: 'route_unknown', message, details: [] }
    return reply.code(404).send(problemBody(problem))
  })
  app.addHook('onRequest', async (request) => refuseRepeatedHeaders(request))
  app.addHook('onSend', async (request, reply) => {
    // What a route says for itself stands: a file may be kept by its browser, and is shown in a sandbox.
    for (const [name, value] of Object.entries(commonHeaders(request.id))) {
      if (!reply.hasHeader(name)) reply.header(name, value)
    }
    if (!app.server.listening) {
      // We are closing: a connection kept alive would hold that up.
      reply.header('connection', 'close')
    }
  })
  // The route's pattern, not the path: no id, no query string, no address gets into the log.
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        tenantId: request.principal?.tenantId,
        keyId: request.principal?.keyId ?? undefined,
      },
      'request',
    )
  })
  return app
}

/** What is not even HTTP gets our shape too. */
function clientErrorHandler(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 431
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 408
        : 400
  const message = STATUS_CODES[status] ?? 'Bad Request'
  const body = JSON.stringify(problemBody({ status, code: 'http_malformed', message, details: [] }))
  socket.end(
    `HTTP/1.1 ${status} ${message}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
