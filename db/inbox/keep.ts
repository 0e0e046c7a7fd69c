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
  const headers = webhooks.map((webhook) =>
    JSON.stringify(
      Object.fromEntries(
        Object.entries(webhook.headers)
          .filter(([name]) => !isSecretName(name))
          .map(([name, value]) => [name, value.replaceAll('\0', '').toWellFormed()]),
      ),
    ),
  )
  const errors = webhooks.map(({ error }) => error)
  const rows = await tx<{ id: string | null; ord: number }[]>`
    with given as (
      select * from unnest(
        ${webhooks.map(({ channel }) => channel)}::text[], ${webhooks.map(({ accountId }) => accountId)}::uuid[],
        ${webhooks.map(({ method }) => method)}::text[], ${webhooks.map(({ path }) => path)}::text[],
        ${headers}::text[], ${webhooks.map(({ body }) => body.toString('base64'))}::text[],
        ${webhooks.map(({ digest }) => digest.toString('base64'))}::text[],
        ${errors.map((error) => error?.code ?? null)}::text[], ${errors.map((error) => storable(error?.field))}::text[],
        ${errors.map((error) => storable(error?.message))}::text[]
      ) with ordinality g (channel, account_id, method, path, headers, body, digest, error_code, error_field, error_message, ord)
    ), kept as (
      insert into pigeonpost.webhook_inbox as w (tenant_id, channel, account_id, method, path, headers, body, digest, status,
        error_code, error_field, error_message, attempts, processed_at)
      select ${tenantId}::integer, g.channel, g.account_id, g.method, g.path, g.headers::jsonb, decode(g.body, 'base64'),
        decode(g.digest, 'base64'), case when g.error_code is null then 'processed' else 'failed' end,
        g.error_code, g.error_field, g.error_message, 1, case when g.error_code is null then now() end
      from given g order by g.digest
      on conflict (tenant_id, digest) do update set status = excluded.status, error_code = excluded.error_code,
        error_field = excluded.error_field, error_message = excluded.error_message, attempts = w.attempts + 1,
        processed_at = excluded.processed_at
      where w.status <> 'processed'
      returning w.id, w.digest
    )
    select g.ord::integer as ord, coalesce(k.id, (
      select w.id from pigeonpost.webhook_inbox w where w.tenant_id = ${tenantId} and w.digest = decode(g.digest, 'base64'))) as id
    from given g left join kept k on k.digest = decode(g.digest, 'base64')
    order by g.ord`
  const late = rows.filter(({ id }) => id === null).map(({ ord }) => webhooks[ord - 1]?.digest)
  if (late.length === 0) return rows.map(({ id }) => id ?? '')
  // Committed by another after our statement began: now it can be seen.
  const found = await tx<{ id: string; digest: Buffer }[]>`
    select id, digest from pigeonpost.webhook_inbox
    where tenant_id = ${tenantId} and digest = any (array(
      select decode(d, 'base64') from unnest(${late.map((digest) => digest?.toString('base64') ?? '')}::text[]) d))`
  const ids = new Map(found.map(({ id, digest }) => [digest.toString('base64'), id]))
  return rows.map(
    ({ id, ord }) => id ?? ids.get(webhooks[ord - 1]?.digest.toString('base64') ?? '') ?? '',
  )
}

/** What was kept as processed could not be stored after all. */
export async function markFailed(
  tx: Transaction,
  tenantId: number,
  id: string,
  error: NonNullable<KeptWebhook['error']>,
): Promise<void> {
  await tx`
    update pigeonpost.webhook_inbox set status = 'failed', error_code = ${error.code}, error_field = ${storable(error.field)},
      error_message = ${storable(error.message)}, processed_at = null
    where tenant_id = ${tenantId} and id = ${id} and processed_at = now()`
}

/** Errors quote payloads, in their fields' names too. */
function storable(text: string | undefined): string | null {
  return text?.replaceAll('\0', '\u{fffd}').toWellFormed() ?? null
}
