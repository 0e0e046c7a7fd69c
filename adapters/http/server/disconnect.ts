import { AsyncLocalStorage } from 'node:async_hooks'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'

/** What will be answered to the client on whose behalf this runs. */
const answers = new AsyncLocalStorage<ServerResponse>()

/**
 * Makes whatever a request starts know its client. Twice, since what is read of a body begins anew where the socket was
 * opened, and knows of no request.
 */
export function knowClients(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => answers.run(reply.raw, done))
  app.addHook('preHandler', (_request, reply, done) => answers.run(reply.raw, done))
}

/** Calls back when the client goes away, unless the answer is told not to matter any more; outside a request never. */
export function onClientGone(callback: () => void): () => void {
  const answer = answers.getStore()
  if (answer?.destroyed) callback()
  answer?.once('close', callback)
  return () => void answer?.off('close', callback)
}
