import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { description, idempotencyKey, securitySchemes, tags } from './about.ts'
import { errorComponents } from './errors.ts'
import { createTransforms } from './operations.ts'

/** Everything that the page needs comes from here, and nothing in it is inline but what the style sheet draws. */
const pageSecurity = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/**
 * `GET /openapi.json`, the document of the routes that are added after it, and `GET /docs`, a page that shows it and lets
 * one try. Both are open to everyone: they tell what the README does.
 */
export async function addDocument(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Pigeonpost', version, description, license: { name: 'MIT' } },
      servers: [{ url: '/' }],
      tags,
      components: {
        securitySchemes,
        parameters: { IdempotencyKey: idempotencyKey },
        ...errorComponents,
      },
    },
    ...createTransforms(),
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: pageSecurity,
    theme: { title: 'Pigeonpost' },
    uiConfig: { docExpansion: 'list', defaultModelsExpandDepth: 0 },
  })
  let text: string | null = null
  app.get('/openapi.json', {
    schema: { hide: true },
    config: { scope: null },
    handler: async (_request, reply) => {
      text ??= JSON.stringify(app.swagger())
      return reply.type('application/json').send(text)
    },
  })
}
