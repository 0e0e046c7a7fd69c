/** Every route that the server has, and what it takes to call each rightly but for one thing. */

import { once } from 'node:events'
import { connect } from 'node:net'
import type { Test } from 'tap'
import { type Answer, errorOf } from './api.ts'
import { withPeople } from './people.ts'
import { type ListedRoute, watchRoutes } from './routes.ts'
import { samplesOf } from './samples.ts'

const listed = watchRoutes()

/** Routes that are for everybody. */
export function isOpen({ url }: ListedRoute): boolean {
  return /^\/(health\/|docs|openapi\.json$)/.test(url)
}

/** Routes that take whatever a provider sends. */
export function isWebhook({ url }: ListedRoute): boolean {
  return url.startsWith('/api/webhooks/')
}

/** A server on which tenants 1 and 2 have a message each, and its routes. */
export async function withRoutes(t: Test) {
  const api = await withPeople(t)
  const { sql, say, addAccount, accountId } = api
  const mine = await say('+27831234567')
  await addAccount({ tenant_id: 2 })
  const theirs = await say('+27831234568', 'Theirs', { tenant_id: 2 })
  const files = [1, 2].map(async (tenantId) => {
    const [row] = await sql<{ id: string }[]>`
      with file as (
        insert into pigeonpost.media_files (tenant_id, sha256, size, content_type, status, storage, storage_key)
        values (${tenantId}, sha256('x'), 1, 'image/png', 'clean', 'folder', 'x') returning id)
      insert into pigeonpost.media (tenant_id, file_id) select ${tenantId}, f.id from file f returning id`
    return row?.id ?? ''
  })
  const media = await Promise.all(files)
  const keys = await Promise.all([1, 2].map(async (tenantId) => api.makeKey({ tenantId })))
  const sampleOf = samplesOf({ accountId, customerId: String(mine['customer_id']) })
  /** By what stands before `:id` in a path. */
  const idsOf = (message: typeof mine, tenant: number): Record<string, string> => ({
    media: media[tenant - 1] ?? '',
    keys: keys[tenant - 1]?.id ?? '',
    messages: message['id'],
    conversations: message['conversation_id'],
    threads: message['thread_id'],
    customers: message['customer_id'],
    accounts: message['account_id'],
    participants: message['customer_id'],
    identities: 'fakechat',
    channel: '+27831234567',
  })
  const own = idsOf(mine, 1)
  /** The route's path with what is ours, or what is given, in place of its parameters. */
  const pathOf = ({ url }: ListedRoute, given: Record<string, string> = {}) => {
    const parts = url.split('/')
    return parts
      .map((part, at) => {
        if (!part.startsWith(':')) return part
        return given[part.slice(1)] ?? own[(parts[at - 1] ?? '').replace(':', '')]
      })
      .join('/')
  }
  const send = async (
    route: ListedRoute,
    path: string,
    body: unknown = route.body ? sampleOf(route) : undefined,
    headers?: Record<string, string>,
  ) => api.call(route.method, path, body, headers)
  /** All that a request could have changed. */
  const state = async () => {
    const tables = await sql<{ name: string }[]>`
      select c.oid::regclass::text as name from pg_class c
      where c.relnamespace = 'pigeonpost'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and c.relname <> 'api_keys' order by 1`
    const rows = tables.map(async ({ name }) =>
      sql.unsafe(
        `select '${name}' as name, count(*), md5(string_agg(x::text, '|' order by x::text)) from ${name} x`,
      ),
    )
    return (await Promise.all(rows)).flat().map((row) => Object.entries(row))
  }
  const all = [...listed.values()]
  const routes = all.filter((route) => !isWebhook(route))
  const webhooks = all.filter((route) => isWebhook(route) && route.method === 'POST')
  return { ...api, others: idsOf(theirs, 2), routes, webhooks, pathOf, send, sampleOf, state }
}

/** An error in our shape that has that status and names that field first. */
export function refuses(
  t: Test,
  what: string,
  answer: Answer,
  { status = 400, field }: { status?: number; field: string },
): void {
  const [fault] = answer.body.success ? [] : answer.body.details
  t.same([answer.status, fault?.field], [status, field], what)
  if (fault && status === 400) checkWords(t, what, answer)
}

/** The message names its field, unless the WhatsApp message API gives the wording. */
export function checkWords(t: Test, what: string, answer: Answer): void {
  const { message, fields } = errorOf(t, answer)
  const names = [...(fields[0]?.split('.') ?? []), 'E.164']
  t.ok(
    names.some((name) => message.toLowerCase().includes(name.toLowerCase())),
    `${what}: ${message}`,
  )
}

export const nameOf = ({ method, url }: ListedRoute) => `${method} ${url}`

/** Each text in a body, and how to put another in its place. */
export function textsIn(body: Record<string, unknown>): [string, (text: string) => object][] {
  return Object.entries(body).flatMap(([name, value]): [string, (text: string) => object][] => {
    if (typeof value === 'string') return [[name, (text) => ({ ...body, [name]: text })]]
    if (typeof value !== 'object' || value === null) return []
    return textsIn({ ...value }).map(([path, fill]) => [
      `${name}.${path}`,
      (text) => ({ ...body, [name]: fill(text) }),
    ])
  })
}
/** Whether that text stands anywhere in it. */
export function holds(value: unknown, text: string): boolean {
  if (typeof value !== 'object' || value === null) return value === text
  return Object.values(value).some((one) => holds(one, text))
}

/** A request as no client would send it. */
export async function sendRaw(
  url: string,
  method: string,
  path: string,
  headers: string[],
  body: string,
) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...headers,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  let text = ''
  socket.on('data', (chunk) => (text += String(chunk)))
  await once(socket, 'close')
  const [head = '', said = '{}'] = text.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), said: JSON.parse(said) as unknown }
}
