import type { Transaction } from '../connect.ts'

export interface KeptWebhook {
  channel: string
  accountId: string | null
  method: string
  /** With its query string, less what is secret in it. */
  path: string
  headers: Record<string, string>
  body: Buffer
  /** SHA-256 of what makes it this delivery; no two of one call may have the same. */
  digest: Buffer
  /** What became of it; `failed` ones can be replayed. */
  error: { code: string; field?: string | undefined; message: string } | null
}

/** Whether a header or a query parameter opens doors. A signature opens none: it is of these bytes alone. */
export function isSecretName(name: string): boolean {
  return /authorization|cookie|secret|token|password|api[-_]?key/i.test(name)
}

/**
 * Keeps webhooks' exact bytes in the inbox, without the headers that are secrets, and returns their ids there in the
 * order given. A delivery that is there already keeps its row: one that was processed as it is, one that had failed
 * with what became of this try.
 */
export async function keepWebhooks(
  tx: Transaction,
  tenantId: number,
  webhooks: KeptWebhook[],
): Promise<string[]> {
  const [row] = await tx<{ ids: string[] }[]>`
    select to_jsonb(pigeonpost_private.keep_webhooks(${tenantId}, ${tx.json(webhooks.map(toInboxRow))})) as ids`
  return row?.ids ?? []
}

/** A webhook as `keep_webhooks` and `receive_webhooks` take it. */
export function toInboxRow(webhook: KeptWebhook) {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(webhook.headers)) {
    if (!isSecretName(name)) headers[name] = storable(value)
  }
  const { channel, accountId, method, path, body, digest, error } = webhook
  return {
    channel,
    account_id: accountId,
    method,
    path,
    headers,
    body: body.toString('base64'),
    digest: digest.toString('base64'),
    ...(error && {
      error_code: error.code,
      error_field: error.field === undefined ? null : storable(error.field),
      error_message: storable(error.message),
    }),
  }
}

/** What was kept as processed could not be stored after all. */
export async function markFailed(
  tx: Transaction,
  tenantId: number,
  id: string,
  error: NonNullable<KeptWebhook['error']>,
): Promise<void> {
  await tx`
    update pigeonpost.webhook_inbox set status = 'failed', error_code = ${error.code}, error_field = ${error.field === undefined ? null : storable(error.field)},
      error_message = ${storable(error.message)}, processed_at = null
    where tenant_id = ${tenantId} and id = ${id} and processed_at = now()`
}

/** Errors quote payloads, in their fields' names too; and headers may hold any byte. */
function storable(text: string): string {
  return text.replaceAll('\0', '\u{fffd}').toWellFormed()
}
