import { storableText } from '../storable.ts'

export type KeptWebhook = {
  channel: string
  accountId: string | null
  method: string
  /** With its query string, secrets removed. */
  path: string
  headers: Record<string, string>
  body: Buffer
  receivedAt: Date
  /** SHA-256 of what identifies the delivery; distinct within one call. */
  digest: Buffer
  /** What could not be parsed in it; `failed` ones can be replayed. */
  error: { code: string; field?: string | undefined; message: string } | null
}

/** Whether a header or a query parameter is a credential. A signature is not: it is valid for these bytes alone. */
export function isSecretName(name: string): boolean {
  return /authorization|cookie|secret|token|password|api[-_]?key/i.test(name)
}

/** A webhook as pigeonpost_private.receive() stores it in the inbox: its exact bytes, without headers that are credentials. */
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
    // Error texts and field names quote payloads, and headers may hold any byte.
    ...(error && {
      error_code: error.code,
      error_field: error.field === undefined ? null : storableText(error.field),
      error_message: storableText(error.message),
    }),
  }
}
