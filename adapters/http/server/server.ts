import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { serializerCompiler } from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import { answerError, commonHeaders } from './errors.ts'
import { problemBody } from './problem.ts'
import { refuseRepeatedHeaders } from './repeated-headers.ts'
import { validateInput } from './validate.ts'

/** Characters of one part of a path: an address of 255, each of them as four bytes that are escaped. */
const maxParameterLength = 255 * 4 * 3

/** Maximum bytes of a request's body. */
const bodyLimit = 2 * 1024 * 1024

/** The server without routes: its limits, hooks and errors. */
export function createApp(logger: Logger, requestTimeoutMs = 60_000): FastifyInstance {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    bodyLimit,
    routerOptions: { maxParamLength: maxParameterLength },
    requestTimeout: requestTimeoutMs,
    // For clients that do not read their answer: the socket is idle then. A stream of events has its heartbeats.
    connectionTimeout: requestTimeoutMs,
    http: {
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, requestTimeoutMs / 4),
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
    // A route's own headers stand: a file may be cached by the browser, and is shown in a sandbox.
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

/** Requests that are not valid HTTP are answered in our shape, too. */
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
