/** What the document says of the API as a whole. */

import type { OpenAPIV3_1 } from 'openapi-types'

export const description = `\
Every message of every channel, in one schema.

**Keys.** Send \`Authorization: Bearer pp_…\`; where only a URL can be given, the key is the password of Basic. Each
operation names the scope that its key must have.

**Answers** are \`{"success": true, "data": …}\`, errors \`{"success": false, "code", "message", "details"}\`. A field
that an operation does not know is refused, in the query and in the body.

**Paths.** What is found under \`/api/v1\` is mostly found under \`/api\` too, and conversations also without either
prefix: \`x-also-at\` of an operation lists these. They are the same handlers.

**Ids** are UUIDs. Where a number is shown beside it (messages, conversations, threads; the lead id of a customer), a
path takes either.

**Lists** are newest first and take \`page\` and \`limit\`, or \`cursor\`, the \`nextCursor\` of the page before, which
costs the same at any depth. \`total\` is exact up to 10000 and an estimate past it (\`totalIsEstimate\`).

**Times** are ISO 8601 in UTC.`

export const tags: OpenAPIV3_1.TagObject[] = [
  { name: 'Messages', description: 'Send, find, count, and settle what did not go out' },
  { name: 'Conversations', description: 'Direct, multi and group conversations, and their state' },
  { name: 'Participants', description: 'Who is in a conversation, and as what' },
  {
    name: 'Threads',
    description: 'The threads of a conversation, and what was said in one, also as chat turns',
  },
  { name: 'Media', description: 'Files: in by upload, out by links that expire' },
  { name: 'Customers', description: 'Whom you talk to, and by which addresses channels know them' },
  { name: 'Accounts', description: 'The addresses of ours that messages go out from and come to' },
  { name: 'Events', description: 'The log of all that happens, from a cursor and without gaps' },
  { name: 'Webhooks', description: 'What providers call' },
  { name: 'Keys', description: 'API keys' },
  { name: 'Operations', description: 'Health and metrics of the server' },
]

/** The tag of a route, by its path. */
export function tagOf(url: string): string {
  const [kind = '', , part] = url
    .replace(/^\/api(\/v1)?(?=\/)/, '')
    .split('/')
    .slice(1)
  if (kind === 'health' || kind === 'metrics') return 'Operations'
  if (kind === 'files') return 'Media'
  const own = kind === 'conversations' && (part === 'participants' || part === 'threads')
  const name = own ? part : kind
  return name.slice(0, 1).toUpperCase() + name.slice(1)
}

export const securitySchemes: Record<string, OpenAPIV3_1.SecuritySchemeObject> = {
  bearer: { type: 'http', scheme: 'bearer', description: 'An API key, `pp_…`' },
  basic: { type: 'http', scheme: 'basic', description: 'Any name, and an API key as the password' },
}

export const idempotencyKey: OpenAPIV3_1.ParameterObject = {
  in: 'header',
  name: 'Idempotency-Key',
  required: false,
  description: 'Makes a repeated request safe: the same key and body answer the same',
  schema: { type: 'string', pattern: '^[\\x20-\\x7e]{1,255}$' },
}
