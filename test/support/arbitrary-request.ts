/** Requests of an operation of the API's document: those that it allows, and those that it should refuse. */

import fc from 'fast-check'
import type { OpenAPIV3_1 } from 'openapi-types'
import type { Found } from './api-contract.ts'
import { createArbitraries, mutated, recordOf, type Samples } from './arbitrary.ts'

export type Asked = {
  method: string
  /** With its query. */
  path: string
  headers: Record<string, string>
  body?: string
}

/** Characters of a part of a URL; more than 16 KiB of headers Node refuses by itself, with 431. */
const longest = 6000

type Parameter = OpenAPIV3_1.ParameterObject

/** @param good bodies, where few of those that are made up get far */
export function arbitraryRequest(
  document: OpenAPIV3_1.Document,
  { method, path, operation }: Found,
  samples: Samples,
  good: unknown[] = [],
): fc.Arbitrary<Asked> {
  const bodies = good.length > 0 ? fc.constantFrom(...good) : null
  const { valid } = createArbitraries(document, samples)
  const parameters = (operation.parameters ?? []).map((one) =>
    '$ref' in one ? shared(document, one.$ref) : one,
  )
  const given = (place: string) => {
    const own = parameters.filter((one) => one.in === place)
    return recordOf(
      Object.fromEntries(own.map((one) => [one.name, valid(one.schema ?? {}, one.name)])),
      own.filter(({ required }) => required).map(({ name }) => name),
    )
  }
  const content = (operation.requestBody as OpenAPIV3_1.RequestBodyObject | undefined)?.content
  const body = content
    ? fc.oneof(
        ...Object.entries(content).map(([type, { schema = {} }]) =>
          fc.tuple(fc.constant(type), fc.oneof(valid(schema), ...(bodies ? [bodies] : []))),
        ),
      )
    : fc.constant(null)

  return fc
    .record({ params: given('path'), query: given('query'), headers: given('header'), body })
    .chain((right) => {
      const { params, query, body } = right
      const wrong = [
        mutated(query).map((query) => ({ ...right, query })),
        ...(path.includes('{') ? [mutated(params).map((params) => ({ ...right, params }))] : []),
        ...(body
          ? [mutated(body[1]).map((bad) => ({ ...right, body: [body[0], bad] as const }))]
          : []),
        ...(body
          ? [mutated(body[1]).map((bad) => ({ ...right, body: [body[0], bad] as const }))]
          : []),
      ]
      return fc.record({
        asked: fc.oneof({ weight: wrong.length, arbitrary: fc.constant(right) }, ...wrong),
        broken: fc.oneof({ weight: 30, arbitrary: fc.constant(null) }, fc.nat({ max: 20 })),
      })
    })
    .map(({ asked: { params, query, headers, body }, broken }) => {
      const text = body ? textOf(body[1]) : undefined
      return {
        method,
        path: fill(path, params) + queryOf(query),
        headers: {
          ...Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name, String(value)]),
          ),
          ...(body ? { 'content-type': contentType(body[0]) } : {}),
        },
        ...(text === undefined ? {} : { body: broken === null ? text : text.slice(0, broken) }),
      }
    })
}

function shared(document: OpenAPIV3_1.Document, reference: string): Parameter {
  return document.components?.parameters?.[reference.split('/').at(-1) ?? ''] as Parameter
}

function contentType(type: string): string {
  return type === 'multipart/form-data' ? `${type}; boundary=xxx` : type
}

/** JSON that may not be of what JSON allows: a lone surrogate goes as its escape, infinity as a number too large. */
function textOf(value: unknown): string | undefined {
  const text = JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'number' && !Number.isFinite(one) ? '\u0001infinity' : one,
  ) as string | undefined
  return text?.replaceAll('"\\u0001infinity"', '1e999')
}

function fill(path: string, params: unknown): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = (params as Record<string, unknown> | null)?.[name]
    const text = encoded(value)
    // Of these a URL makes another path, and the operation would be another.
    return text === '' || /^(?:\.|%2e){1,2}$/i.test(text) ? '0' : text.slice(0, longest)
  })
}

function queryOf(query: unknown): string {
  if (typeof query !== 'object' || query === null) {
    return query === undefined ? '' : `?${encoded(query).slice(0, longest)}`
  }
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat(1).map((one) => `${encoded(name)}=${encoded(one)}`),
  )
  return pairs.length > 0 ? `?${pairs.join('&').slice(0, longest)}` : ''
}

function encoded(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')
  return text.isWellFormed() ? encodeURIComponent(text) : '%ED%A0%80'
}
