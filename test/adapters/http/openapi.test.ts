import { readFile } from 'node:fs/promises'
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import type { OpenAPIV3_1 } from 'openapi-types'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { createReceiver } from '../../../adapters/inbound/queue.ts'
import { requireScopes } from '../../../adapters/http/server/auth.ts'
import { createContext } from '../../../adapters/http/server/context.ts'
import { createAdmission } from '../../../adapters/http/server/admission.ts'
import { addRoutes } from '../../../adapters/http/server/api.ts'
import { createApp } from '../../../adapters/http/server/server.ts'
import { connect } from '../../../db/connect.ts'
import { mediaFolders } from '../../support/media.ts'
import { createContract } from '../../support/api-contract.ts'
import { apiTypes, apiTypesFile, readDocument } from '../../support/api-document.ts'

type Route = RouteOptions & { schema?: FastifySchema }

/** Every route that a server registers, aliases and a library's page included. */
async function registered(t: Test): Promise<{ app: FastifyInstance; routes: Route[] }> {
  const sql = connect('postgres://nobody@127.0.0.1:1/none', { max: 1, name: 'test' })
  const admit = createAdmission({ size: 1, maxQueued: 1, waitMs: 1 })
  const context = createContext(sql, admit, {
    auth: 'keys',
    version: '1',
    publicUrl: null,
    lockMs: 30_000,
  })
  const receiver = createReceiver({
    run: async (work) => work(sql),
    lookUp: context.run,
    lanes: 1,
    waitMs: 1,
  })
  const app = createApp(pino({ level: 'silent' }))
  const routes: Route[] = []
  app.addHook('onRoute', (route) => void routes.push(route as Route))
  const { settings: media } = await mediaFolders(t)
  await addRoutes(app, { context, sql, listener: sql, receiver, media })
  await app.ready()
  t.teardown(async () => {
    await app.close()
    await sql.end()
  })
  return { app, routes }
}

/** What it takes and gives, as JSON Schema. */
function inJson({ schema = {} }: Route): unknown {
  const tell = (value: unknown): unknown =>
    value instanceof z.ZodType
      ? ['input', 'output'].map((io) =>
          z.toJSONSchema(value, { io: io as 'input', unrepresentable: 'any' }),
        )
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, tell(one)]))
        : value
  return tell(schema)
}

t.test('every route is in the document, or is the same as one that is', async (t) => {
  const { app, routes } = await registered(t)
  const { find } = createContract(app.swagger() as OpenAPIV3_1.Document)
  const ofPage = (url: string) => /^\/(openapi\.json$|docs(\/|$)|api\/v1\/files\/)/.test(url)
  let aliases = 0
  for (const route of routes.filter(({ url }) => !ofPage(url))) {
    const { url, config } = route
    for (const method of [route.method].flat()) {
      const found = find(method === 'HEAD' ? 'GET' : method, url)
      t.ok(found, `${method} ${url}`)
      const aliasOf = config?.aliasOf
      if (method === 'HEAD') continue
      if (aliasOf === undefined) {
        t.equal(found?.path, url.replaceAll(/:(\w+)/g, '{$1}'))
        continue
      }
      aliases += 1
      const main = routes.find((one) => one.url === aliasOf && [one.method].flat().includes(method))
      t.ok(main, `${method} ${aliasOf}, of which ${url} is an alias`)
      if (!main || url.startsWith('/api/webhooks/')) continue
      t.ok(found?.operation['x-also-at']?.includes(url.replaceAll(/:(\w+)/g, '{$1}')))
      t.equal(config?.scope, main.config?.scope)
      t.equal(route.handler.toString(), main.handler.toString())
      t.same(inJson(route), inJson(main))
    }
  }
  t.ok(aliases > 50, 'and aliases were among them')
})

t.test('a route that does not say whom it answers is not taken', async (t) => {
  const app = createApp(pino({ level: 'silent' }))
  t.teardown(() => app.close())
  requireScopes(app)
  t.throws(() => app.get('/secrets', async () => ({})), {
    message: 'GET /secrets has to say its scope, or null where it is for everyone',
  })
  app.get('/open', { config: { scope: null } }, async () => ({}))
  app.get('/keyed', { config: { scope: 'messages:read' } }, async () => ({}))
})

t.test(
  'each operation has a name of its own, a summary, a tag, and says which key it needs',
  async (t) => {
    const document = await readDocument()
    const { operations } = createContract(document)
    t.match(document, {
      openapi: /^3\.1\./,
      info: { title: 'Pigeonpost' },
      servers: [{ url: '/' }],
    })
    const ids = operations.map(({ operation }) => operation.operationId)
    t.equal(new Set(ids).size, ids.length)
    const tags = new Map(document.tags?.map(({ name, description }) => [name, description]))
    const open = new Set(['getLiveness', 'getReadiness'])
    for (const { operation } of operations) {
      const { operationId = '', summary, security } = operation
      t.match(operationId, /^[a-z][A-Za-z]+$/)
      t.ok(summary, operationId)
      t.ok(
        operation.tags?.length === 1 && tags.get(operation.tags[0] ?? ''),
        `${operationId}'s tag`,
      )
      if (open.has(operationId)) t.notOk(security, operationId)
      else
        t.ok(
          security?.some((one) => one['bearer']?.length === 1),
          `${operationId}'s scope`,
        )
    }
    const text = JSON.stringify(document)
    for (const [, reference = ''] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = reference
        .split('/')
        .reduce<unknown>(
          (at, name) => (at as Record<string, unknown> | undefined)?.[name],
          document,
        )
      t.ok(found, reference)
    }
  },
)

t.test('answers tell all of their fields, and the common shapes have names', async (t) => {
  const { components } = await readDocument()
  const names = ['Message', 'Conversation', 'Participant', 'Thread', 'Customer', 'Account', 'Event']
  for (const name of [...names, 'Error']) {
    t.match(components?.schemas?.[name], { type: 'object', additionalProperties: false }, name)
  }
})

t.test('an answer that the document does not tell of is found out', async (t) => {
  const { find, objection } = createContract(await readDocument())
  const live = find('GET', '/health/live')
  t.equal(find('GET', '/health/other'), null)
  t.equal(find('POST', '/conversations/7/close')?.path, '/api/v1/conversations/{id}/close')
  t.equal(find('GET', '/api/v1/messages/statistics')?.path, '/api/v1/messages/statistics')
  if (!live) throw new Error('no health')
  const headers = new Headers({ 'content-type': 'application/json', 'x-request-id': 'x' })
  const good = { success: true, data: { status: 'live', version: '1' } }
  const answer = { status: 200, headers, body: good }
  t.equal(objection(live, answer), null)
  t.match(objection(live, { ...answer, status: 418 }), /answers 418/)
  t.match(objection(live, { ...answer, headers: new Headers() }), /no header x-request-id/)
  t.match(objection(live, { ...answer, body: { success: true } }), /required property 'data'/)
  t.match(objection(live, { ...answer, body: { ...good, more: 1 } }), /additional properties/)
  const html = new Headers({ 'content-type': 'text/html', 'x-request-id': 'x' })
  t.match(objection(live, { ...answer, headers: html }), /type text\/html/)
})

t.test('the types of the client are those of the document', async (t) => {
  const made = await apiTypes(await readDocument())
  const kept = await readFile(apiTypesFile, 'utf8')
  t.ok(made === kept, 'else: node test/dump-api-types.ts')
})
