/** Values that a JSON Schema of the API's document allows, and values that it most likely does not. */

import fc from 'fast-check'
import type { OpenAPIV3_1 } from 'openapi-types'

type Schema = OpenAPIV3_1.SchemaObject | OpenAPIV3_1.ReferenceObject | boolean
/** Values that lead further than what is made up: ids that there are, by the names of fields. */
export type Samples = Readonly<Record<string, readonly unknown[]>>

export type Arbitraries = {
  /** What the schema allows; of fields with samples one of these more often than not. */
  valid(schema: Schema, name?: string): fc.Arbitrary<unknown>
}

export function createArbitraries(document: OpenAPIV3_1.Document, samples: Samples): Arbitraries {
  const resolve = (schema: Schema): OpenAPIV3_1.SchemaObject => {
    if (typeof schema === 'boolean') return {}
    if (!('$ref' in schema)) return schema
    const name = schema.$ref.split('/').at(-1) ?? ''
    return document.components?.schemas?.[name] ?? {}
  }

  function valid(given: Schema, name?: string): fc.Arbitrary<unknown> {
    const schema = resolve(given)
    const made = ofSchema(schema)
    const known = name === undefined ? undefined : samples[name]
    return known?.length
      ? fc.oneof(
          { weight: 9, arbitrary: fc.constantFrom(...known) },
          { weight: 1, arbitrary: made },
        )
      : made
  }

  function ofSchema(schema: OpenAPIV3_1.SchemaObject): fc.Arbitrary<unknown> {
    if (schema.enum) return fc.constantFrom(...(schema.enum as unknown[]))
    const several = schema.anyOf ?? schema.oneOf
    if (several) return fc.oneof(...several.map((one) => valid(one)))
    const [first, ...rest] = [schema.type ?? []].flat()
    if (first === undefined) return fc.jsonValue({ maxDepth: 3 })
    const types = [first, ...rest].map((type) => ofType(type, schema))
    return fc.oneof(...types)
  }

  function ofType(type: string, schema: OpenAPIV3_1.SchemaObject): fc.Arbitrary<unknown> {
    switch (type) {
      case 'null':
        return fc.constant(null)
      case 'boolean':
        return fc.boolean()
      case 'integer':
        return fc.integer(range(schema, 2 ** 31 - 1))
      case 'number':
        return fc.double({ noNaN: true, noDefaultInfinity: true })
      case 'string':
        return ofText(schema)
      case 'array':
        return ofArray(schema as OpenAPIV3_1.ArraySchemaObject)
      default:
        return ofObject(schema)
    }
  }

  function ofArray({ items, maxItems = 4 }: OpenAPIV3_1.ArraySchemaObject) {
    return fc.array(valid(items), { maxLength: Math.min(4, maxItems) })
  }

  function ofObject(schema: OpenAPIV3_1.SchemaObject): fc.Arbitrary<unknown> {
    const { properties = {}, required = [], additionalProperties: open } = schema
    const fields = Object.entries(properties).map(
      ([name, one]) => [name, valid(one, name)] as const,
    )
    const known = recordOf(Object.fromEntries(fields), required)
    if (open === false || open === undefined) return known
    return fc
      .tuple(known, fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue(), { maxKeys: 3 }))
      .map(([own, more]) => ({ ...more, ...own }))
  }
  return { valid }
}

/** Of what may be left out most is, since many fields exclude one another. */
export function recordOf(
  fields: Record<string, fc.Arbitrary<unknown>>,
  required: string[],
): fc.Arbitrary<Record<string, unknown>> {
  const absent = { weight: 3, arbitrary: fc.constant(undefined) }
  const each = Object.entries(fields).map(([name, field]) => [
    name,
    required.includes(name) ? field : fc.oneof(absent, field),
  ])
  return fc
    .record(Object.fromEntries(each) as Record<string, fc.Arbitrary<unknown>>)
    .map((all) =>
      Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
    )
}

function range({ minimum = 0, maximum = Infinity }: OpenAPIV3_1.SchemaObject, most: number) {
  return { min: Math.max(minimum, -most), max: Math.min(maximum, most) }
}

function ofText({ format, pattern, minLength = 0, maxLength = 300 }: OpenAPIV3_1.SchemaObject) {
  const length = { minLength, maxLength: Math.min(maxLength, 300) }
  switch (format) {
    case 'uuid':
      return fc.uuid()
    case 'date-time':
      return fc.date({ noInvalidDate: true, ...years }).map((date) => date.toISOString())
    case 'date':
      return fc
        .date({ noInvalidDate: true, ...years })
        .map((date) => date.toISOString().slice(0, 10))
    case 'uri':
      return fc.webUrl()
    case undefined:
    default:
      return pattern === undefined
        ? fc.oneof(
            { weight: 4, arbitrary: fc.stringMatching(/^[a-zA-Z0-9 .,_-]{1,20}$/) },
            fc.constant(special.slice(0, maxLength)),
            fc.string({ ...length, unit: 'binary' }),
          )
        : fc.stringMatching(new RegExp(pattern))
  }
}
/** Allowed, and a trap for whoever pastes it into a query, a pattern or a page. */
const special = '50% _\\ \' " $1 ? :a {{7*7}} <b>&amp; ; -- /* \t \u202e é ﷺ 👍🏽'
const years = { min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z') }

const nest = (depth: number, wrap: (inner: unknown) => unknown) => {
  let value: unknown = 1
  for (let left = depth; left > 0; left -= 1) value = wrap(value)
  return value
}

/** What people and programs send by mistake or on purpose. */
const awkward: unknown[] = [
  [null, true, false, '', ' ', [], {}, [null], [[]], 'null', 'undefined', 'NaN', '0x10'],
  [0, -0, -1, 0.5, 1e21, 1e308, -1e308, 2 ** 31, 2 ** 53, 2 ** 63, '99999999999999999999'],
  ['\u0000', 'a\u0000b', '\ud800', 'x\udc00y', '\u001b[31m', '\u202e', '\ufeff', '👍🏽', 'ﷺ'],
  ["'; drop table messages; --", "1' or '1'='1", '%', '\\', '$1', '{{7*7}}', '$'.concat('{7*7}')],
  ['<script>alert(1)</script>', '../../etc/passwd', 'file:///etc/passwd', 'http://'],
  ['infinity', '-infinity', 'epoch', 'now', '2026-02-30', '0000-00-00T00:00:00Z'],
  ['+275881-01-01T00:00:00Z', '9999-12-31T23:59:59+14:00', '0001-01-01T00:00:00-14:00'],
  ['1e3', '-1', '999999999', '١٢٣', '9'.repeat(18), '9'.repeat(400), 'x'.repeat(70_000)],
  [nest(500, (inner) => [inner]), nest(500, (inner) => ({ a: inner }))],
  [JSON.parse('{"__proto__": {"scope": "all"}}'), { toString: 1, valueOf: 1, length: -1 }],
  [{ constructor: { prototype: { scope: 'all' } } }],
].flat()

const nasty: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...awkward),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
  fc.double(),
  fc.jsonValue({ maxDepth: 4 }),
)

/** The value with something in it put in place, added, taken away, or all of it another. */
export function mutated(value: unknown): fc.Arbitrary<unknown> {
  const places = placesIn(value)
  return fc
    .tuple(
      fc.nat({ max: places.length - 1 }),
      nasty,
      fc.constantFrom('set', 'set', 'add', 'remove'),
    )
    .chain(([at, other, how]) => {
      const place = places[at] ?? []
      if (how !== 'add')
        return fc.constant(change(value, place, how === 'set' ? () => other : null))
      const name = fc.constantFrom(
        'extra',
        '__proto__',
        'constructor',
        'tenantId',
        'id',
        '',
        '\u0000',
      )
      return name.map((name) =>
        change(value, place, (old) =>
          typeof old === 'object' && old !== null && !Array.isArray(old)
            ? withField(old, name, other)
            : [old, other],
        ),
      )
    })
}

type Place = (string | number)[]

function placesIn(value: unknown, place: Place = []): Place[] {
  if (typeof value !== 'object' || value === null || place.length > 6) return [place]
  const inner = Array.isArray(value)
    ? value.map((one: unknown, at) => [at, one] as const)
    : Object.entries(value)
  return [place, ...inner.flatMap(([name, one]) => placesIn(one, [...place, name]))]
}

/** @param to null: leaves out what is there */
function change(value: unknown, place: Place, to: ((old: unknown) => unknown) | null): unknown {
  const [name, ...rest] = place
  if (name === undefined) return to ? to(value) : undefined
  if (typeof value !== 'object' || value === null) return value
  const inner = change((value as Record<string, unknown>)[name], rest, to)
  if (Array.isArray(value)) {
    return rest.length === 0 && to === null
      ? value.toSpliced(Number(name), 1)
      : value.with(Number(name), inner)
  }
  const fields = Object.entries(value).filter(([one]) => one !== name || rest.length > 0 || to)
  return Object.fromEntries(
    fields.map(([one, old]) => [one, one === name ? inner : (old as unknown)]),
  )
}

/** Also of the name `__proto__`, as JSON may have it. */
function withField(object: object, name: string, value: unknown): object {
  return Object.fromEntries([...Object.entries(object), [name, value]])
}
