/** Baileys' events as bodies for `receive`. */

import { asObject } from '../values.ts'

/**
 * The events that say something for the database. Never among them: `creds.update`, which holds the login's keys, and
 * `connection.update`, which holds the code to link with.
 */
const wanted = [
  'messaging-history.set',
  'chats.upsert',
  'contacts.upsert',
  'contacts.update',
  'lid-mapping.update',
  'groups.upsert',
  'groups.update',
  'group-participants.update',
  'messages.upsert',
  'messages.update',
  'message-receipt.update',
  'messages.reaction',
  'messages.delete',
]

const messagesInPart = 100
const maxBytes = 1024 * 1024

/**
 * JSON arrays of `{event, data, at}` in the order of `wanted`, of about 1 MiB at most: a history of thousands of
 * messages is cut up, since each body is one transaction. `at` is when they came, in ms since 1970.
 */
export function bodiesOf(events: Record<string, unknown>, at: number): Buffer[] {
  const bodies: Buffer[] = []
  let parts: string[] = []
  let length = 0
  const flush = () => {
    if (parts.length > 0) bodies.push(Buffer.from(`[${parts.join(',')}]`))
    parts = []
    length = 0
  }
  for (const event of wanted) {
    if (events[event] === undefined) continue
    for (const data of cut(events[event])) {
      const part = JSON.stringify({ event, data, at }, asBase64)
      if (length + part.length > maxBytes) flush()
      parts.push(part)
      length += part.length
    }
  }
  flush()
  return bodies
}

function cut(data: unknown): unknown[] {
  const messages = asObject(data)?.['messages']
  if (!Array.isArray(messages) || messages.length <= messagesInPart) return [data]
  const rest = { ...asObject(data), messages: undefined }
  const { type } = asObject(data) ?? {}
  return Array.from({ length: Math.ceil(messages.length / messagesInPart) }, (_, index) => ({
    ...(index === 0 ? rest : { type }),
    messages: messages.slice(index * messagesInPart, (index + 1) * messagesInPart),
  }))
}

/** As BufferJSON.replacer writes bytes. A Buffer has turned itself into a list of numbers by then. */
function asBase64(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return { type: 'Buffer', data: Buffer.from(value).toString('base64') }
  }
  const bytes = asObject(value)
  return bytes?.['type'] === 'Buffer' && Array.isArray(bytes['data'])
    ? { type: 'Buffer', data: Buffer.from(bytes['data'] as number[]).toString('base64') }
    : value
}
