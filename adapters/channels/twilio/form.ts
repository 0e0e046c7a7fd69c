import type { WebhookRequest } from '../channel.ts'

/** A field that came more than once is an array. */
export type Fields = Record<string, string | string[]>

/** The parameters of an application/x-www-form-urlencoded body, as they came. */
export function readForm(body: Buffer): Map<string, string[]> {
  const form = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(body.toString('utf8'))) {
    const earlier = form.get(name)
    if (earlier) earlier.push(value)
    else form.set(name, [value])
  }
  return form
}

/** A webhook's parameters: its form, or its query string where the number is configured for GET, which has no body. */
export function readFields(request: WebhookRequest): Fields {
  if (request.body.length === 0) return { ...request.query }
  return Object.fromEntries(
    Array.from(readForm(request.body), ([name, values]) => [
      name,
      values.length === 1 ? (values[0] ?? '') : values,
    ]),
  )
}

/** The first value of a field; undefined where it is missing or empty, which to Twilio is the same. */
export function firstValue(fields: Fields, name: string): string | undefined {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  return (Array.isArray(value) ? value[0] : value) || undefined
}
