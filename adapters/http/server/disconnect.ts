import { AsyncLocalStorage } from 'node:async_hooks'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'

/** The response of the request on whose behalf the current code runs. */
const responses = new AsyncLocalStorage<ServerResponse>()

/**
 * Makes the request's response available to whatever its handlers start. Twice, since reading a body begins a new async
 * context, that of the socket, which knows of no request.
 */
export function trackDisconnects(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => responses.run(reply.raw, done))
  app.addHook('preHandler', (_request, reply, done) => responses.run(reply.raw, done))
}

/** Calls back when the client disconnects, until it is unsubscribed; outside a request never. Returns the unsubscription. */
export function onDisconnect(callback: () => void): () => void {
  const response = responses.getStore()
  if (response?.destroyed) callback()
  response?.once('close', callback)
  return () => void response?.off('close', callback)
}
