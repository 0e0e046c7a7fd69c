import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { OpenAPIV3_1 } from 'openapi-types'

export type Operation = OpenAPIV3_1.OperationObject & {
  'x-also-at'?: string[]
}

/** An operation of the document, and where it lies in it. */
export type Found = {
  method: string
  /** As the document has it: `/api/v1/messages/{id}`. */
  path: string
  operation: Operation
}

export type Contract = {
  document: OpenAPIV3_1.Document
  operations: Found[]
  /** The operation that a request is of. */
  find(method: string, path: string): Found | null
  /** What is wrong with an answer; null where the document tells of it. */
  objection(found: Found, answer: Answered): string | null
}

type Answered = {
  status: number
  headers: Headers
  body: unknown
}

/** Holds answers against an OpenAPI document: its status, its content type, its body with every field, its headers. */
export function createContract(document: OpenAPIV3_1.Document): Contract {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false })
  formats.default(ajv)
  ajv.addSchema(document, 'document')
  const validators = new Map<string, ValidateFunction>()
  const validator = (pointer: string) => {
    const known = validators.get(pointer) ?? ajv.compile({ $ref: `document#${pointer}` })
    validators.set(pointer, known)
    return known
  }

  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation: operation as Operation,
    })),
  )
  const ways = operations
    .flatMap((found) =>
      [found.path, ...(found.operation['x-also-at'] ?? [])].map((path) => ({ path, found })),
    )
    // What is named in full goes before what a parameter takes.
    .toSorted((a, b) => a.path.split('{').length - b.path.split('{').length)
    .map(({ path, found }) => ({
      found,
      pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
    }))

  return {
    document,
    operations,
    find(method, path) {
      const [bare = ''] = path.split('?')
      return (
        ways.find((one) => one.found.method === method && one.pattern.test(bare))?.found ?? null
      )
    },
    objection({ method, path, operation }, { status, headers, body }) {
      const given = operation.responses?.[String(status)]
      if (!given) return `it answers ${status}`
      const shared = '$ref' in given ? given.$ref.replace(/^#/, '') : null
      const pointer = shared ?? pointerTo('paths', path, method.toLowerCase(), 'responses', status)
      const response = (
        shared ? document.components?.responses?.[shared.split('/').at(-1) ?? ''] : given
      ) as OpenAPIV3_1.ResponseObject
      for (const name of Object.keys(response.headers ?? {})) {
        if (!headers.has(name)) return `its ${status} has no header ${name}`
      }
      const [type = ''] = (headers.get('content-type') ?? '').split(';')
      if (!response.content && !type && body === '') return null
      const media = response.content?.[type]
      if (!media) return `its ${status} is of type ${type || 'none'}`
      const validate = validator(pointer + pointerTo('content', type, 'schema'))
      if (validate(body)) return null
      const [first] = validate.errors ?? []
      return `its ${status}${first?.instancePath ?? ''} ${first?.message} ${JSON.stringify(first?.params)}`
    },
  }
}

function pointerTo(...parts: (string | number)[]): string {
  return parts
    .map(
      (part) => `/${encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'))}`,
    )
    .join('')
}
