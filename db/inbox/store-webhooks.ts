import { storableText } from '../storable.ts'

export type KeptWebhook = {
  channel: string
  accountId: string | null
  method: string
  /** With its query string, less what is secret in it. */
  path: string
  headers: Record<string, string>
  body: Buffer
  receivedAt: Date
  /** SHA-256 of what makes it this delivery; no two of one call may have the same. */
  digest: Buffer
  /** What could not be read in it; `failed` ones can be replayed. */
  error: { code: string; field?: string | undefined; message: string } | null
}

/** Whether a header or a query parameter gives access. A signature gives none: it is of these bytes alone. */
export function isSecretName(name: string): boolean {
  return /authorization|cookie|secret|token|password|api[-_]?key/i.test(name)
}

/** A webhook as pigeonpost_private.receive() keeps it in the inbox: its exact bytes, less the headers that are secrets. */
export function toInboxRow(webhook: KeptWebhook) {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(webhook.headers)) {
    if (!isSecretName(name)) headers[name] = storableText(value)
  }
  const { channel, accountId, method, path, body, receivedAt, digest, error } = webhook
  return {
    channel,
    account_id: accountId,
    method,
    path,
    headers,
    body: body.toString('base64'),
    digest: digest.toString('base64'),
    received_at: receivedAt,
    // Errors quote payloads, in their fields' names too; and headers may hold any byte.
    ...(error && {
      error_code: error.code,
      error_field: error.field === undefined ? null : storableText(error.field),
      error_message: storableText(error.message),
    }),
  }
}
