import type { Transaction } from '../connect.ts'

export interface KeptWebhook {
  tenantId: number
  channel: string
  accountId: string | null
  method: string
  /** With its query string. */
  path: string
  headers: Record<string, string>
  body: Buffer
  /** What became of it; `failed` ones can be replayed. */
  error: { code: string; field?: string | undefined; message: string } | null
}

/** Headers that open doors. */
const secret = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
])

/** Keeps a webhook's exact bytes in the inbox, without the headers that are secrets, and returns its id there. */
export async function keepWebhook(tx: Transaction, webhook: KeptWebhook): Promise<string> {
  const { error } = webhook
  const headers = Object.fromEntries(
    Object.entries(webhook.headers).filter(([name]) => !secret.has(name.toLowerCase())),
  )
  const [kept] = await tx<{ id: string }[]>`
    insert into pigeonpost.webhook_inbox (tenant_id, channel, account_id, method, path, headers, body, status,
      error_code, error_field, error_message, attempts, processed_at)
    values (${webhook.tenantId}, ${webhook.channel}, ${webhook.accountId}, ${webhook.method}, ${webhook.path},
      ${tx.json(headers)}, ${webhook.body}, ${error ? 'failed' : 'processed'},
      ${error?.code ?? null}, ${error?.field ?? null}, ${error?.message.replaceAll('\0', '\u{fffd}') ?? null}, 1,
      case when ${error === null} then now() end)
    returning id`
  return kept?.id ?? ''
}
