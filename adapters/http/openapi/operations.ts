/** From routes to the operations of the document: what a route does not say itself follows from its path and scope. */

import { STATUS_CODES } from 'node:http'
import type { FastifySchema, RouteOptions } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { OpenAPIV3_1 } from 'openapi-types'
import { z } from 'zod'
import { tagOf } from './about.ts'
import { answerHeaders, errorResponses, type ErrorStatus } from './errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The path under which the document describes the same route; this one is only listed there. */
    aliasOf?: string
    /** Error statuses of the route besides those that `errorResponses` derives. */
    errors?: ErrorStatus[]
    /** What no zod schema of the route describes: bodies and answers that are not JSON, headers. */
    operation?: Partial<OpenAPIV3_1.OperationObject>
  }
}

type Route = RouteOptions & { schema?: FastifySchema }
type Operation = OpenAPIV3_1.OperationObject & { 'x-also-at'?: string[] }
type Transform = typeof jsonSchemaTransform
type TransformObject = typeof jsonSchemaTransformObject

/** `transform` and `transformObject` of @fastify/swagger, for one document. */
export function createTransforms(): { transform: Transform; transformObject: TransformObject } {
  const routes = new Map<string, Route>()
  const aliases = new Map<string, string[]>()

  const transform: Transform = (given) => {
    if (!('openapiObject' in given)) throw new Error('the document is of OpenAPI')
    const { route, url } = given
    const { aliasOf } = route.config ?? {}
    if (aliasOf !== undefined) {
      const own = `${String(route.method)} ${aliasOf}`
      aliases.set(own, [...(aliases.get(own) ?? []), url])
    }
    if (aliasOf !== undefined || given.schema?.hide) return { schema: { hide: true }, url }
    const { schema } = jsonSchemaTransform({ ...given, schema: given.schema ?? {} })
    const { operationId } = given.schema ?? {}
    if (operationId === undefined || routes.has(operationId)) {
      throw new Error(`${String(route.method)} ${url} needs an operationId of its own`)
    }
    routes.set(operationId, route)
    return { schema: { tags: [tagOf(url)], ...schema }, url }
  }

  const transformObject: TransformObject = (given) => {
    const document = jsonSchemaTransformObject(given) as OpenAPIV3_1.Document
    for (const item of Object.values(document.paths ?? {})) {
      for (const operation of Object.values(item ?? {}) as Operation[]) {
        const route = routes.get(operation.operationId ?? '')
        if (!route) throw new Error('an operation is of no route')
        finish(operation, route, aliases.get(`${String(route.method)} ${route.url}`) ?? [])
      }
    }
    const used = new Set(Object.values(document.paths ?? {}).flatMap(tagsOf))
    document.tags = document.tags?.filter(({ name }) => used.has(name)) ?? []
    leaveOutUnused(document)
    return withoutPatternsOfFormats(document)
  }
  return { transform, transformObject }
}

/** Adds what a route's schema does not say. */
function finish(operation: Operation, route: Route, aliases: string[]): void {
  const { scope, operation: besides } = route.config ?? {}
  if (scope) {
    operation.security = [{ bearer: [scope] }, { basic: [scope] }]
    operation.description = [`Scope \`${scope}\`.`, operation.description].filter(Boolean).join(' ')
  }
  if (operation.requestBody && !('$ref' in operation.requestBody)) {
    const { body } = route.schema ?? {}
    operation.requestBody.required = !(body as z.ZodType).safeParse(undefined).success
  }
  const parameters = [...(operation.parameters ?? []), ...(besides?.parameters ?? [])].map((one) =>
    'name' in one && one.name === 'idempotency-key'
      ? { $ref: '#/components/parameters/IdempotencyKey' }
      : one,
  )
  Object.assign(operation, besides, parameters.length > 0 ? { parameters } : {})
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    if ('$ref' in response) continue
    if (response.description === 'Default Response') {
      response.description = STATUS_CODES[status] ?? status
    }
    response.headers = { ...answerHeaders, ...response.headers }
  }
  operation.responses = { ...operation.responses, ...errorResponses(route) }
  const others = aliases.filter((url) => !isInstance(url, route.url))
  if (others.length > 0) operation['x-also-at'] = others.map(toTemplate)
}

/** Whether the second path, being a pattern, is that of the first, as `/webhooks/:channel` is of `/webhooks/sms`. */
function isInstance(url: string, pattern: string): boolean {
  const parts = url.split('/')
  const wanted = pattern.split('/')
  return (
    parts.length === wanted.length &&
    wanted.every((part, at) => part.startsWith(':') || part === parts[at])
  )
}

function tagsOf(item: OpenAPIV3_1.PathItemObject | undefined): string[] {
  return Object.values(item ?? {}).flatMap((one) => (one as Operation).tags ?? [])
}

/** Each registered shape becomes a component of requests and one of answers; most are only the one. */
function leaveOutUnused(document: OpenAPIV3_1.Document): void {
  const { schemas = {} } = document.components ?? {}
  const used = new Set<string>()
  const visit = (value: unknown) => {
    for (const [, name = ''] of JSON.stringify(value).matchAll(
      /"#\/components\/schemas\/([^"/]+)"/g,
    )) {
      if (used.has(name)) continue
      used.add(name)
      visit(schemas[name])
    }
  }
  visit([document.paths, document.components?.responses])
  for (const name of Object.keys(schemas)) if (!used.has(name)) delete schemas[name]
}

/** A `format` says it in a word; the pattern beside it is zod's own check of the same, hundreds of characters long. */
function withoutPatternsOfFormats(document: OpenAPIV3_1.Document): OpenAPIV3_1.Document {
  return JSON.parse(
    JSON.stringify(document),
    (_, value: { format?: unknown; pattern?: unknown }) => {
      if (typeof value?.format === 'string' && typeof value.pattern === 'string')
        delete value.pattern
      return value
    },
  ) as OpenAPIV3_1.Document
}

/** `/customers/:id` as OpenAPI writes it: `/customers/{id}`. */
export function toTemplate(url: string): string {
  return url.replaceAll(/:(\w+)/g, '{$1}')
}
