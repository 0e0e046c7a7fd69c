import type { FastifyInstance } from 'fastify'
import type { Services } from '../server/context.ts'
import { addUnder } from '../server/prefixes.ts'
import { addAccounts } from './accounts/routes.ts'
import { addConversations } from './conversations/routes.ts'
import { addCustomers } from './customers/routes.ts'
import { addEvents } from './events/routes.ts'
import { addHealth } from './health/routes.ts'
import { addKeys } from './keys/routes.ts'
import { addFiles } from './media/files.ts'
import { addMedia } from './media/routes.ts'
import { addMessages } from './messages/routes.ts'
import { addMetrics } from './metrics/routes.ts'
import { addThreads } from './threads/routes.ts'
import { addTransactional } from './transactional/routes.ts'
import { addWebhooks } from './webhooks/routes.ts'

type Resource = {
  add: (scope: FastifyInstance, services: Services) => void | Promise<void>
  /** Where its routes stand. The first is what the document tells of; under the others they are aliases. */
  prefixes: readonly [string, ...string[]]
}

/** Every resource, in the order of the document. */
const resources: readonly Resource[] = [
  { add: addHealth, prefixes: [''] },
  { add: addMessages, prefixes: ['/api/v1'] },
  { add: addTransactional, prefixes: ['/api'] },
  { add: addMetrics, prefixes: [''] },
  { add: addEvents, prefixes: ['/api/v1'] },
  { add: addConversations, prefixes: ['/api/v1', '/api', ''] },
  { add: addThreads, prefixes: ['/api/v1', '/api'] },
  { add: addCustomers, prefixes: ['/api/v1', '/api'] },
  { add: addAccounts, prefixes: ['/api/v1', '/api'] },
  { add: addKeys, prefixes: ['/api/v1', '/api'] },
  { add: addMedia, prefixes: ['/api/v1'] },
  { add: addFiles, prefixes: [''] },
  { add: addWebhooks, prefixes: ['/api/webhooks'] },
]

export async function addResources(app: FastifyInstance, services: Services): Promise<void> {
  for (const { add, prefixes } of resources) {
    await addUnder(app, prefixes, (scope) => add(scope, services))
  }
}
