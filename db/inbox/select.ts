import type { Db } from '../connect.ts'
import type { WebhookRequest } from '../types.ts'

/** Filters for stored webhooks; an absent filter matches all. */
export type InboxFilter = {
  tenantId: number
  ids?: string[] | undefined
  statuses?: ('failed' | 'processed' | 'dismissed')[] | undefined
  channel?: string | undefined
  accountId?: string | undefined
  errorCode?: string | undefined
  since?: Date | undefined
  until?: Date | undefined
}

export type InboxRow = {
  id: string
  channel: string
  accountId: string | null
  status: string
  errorCode: string | null
  errorField: string | null
  errorMessage: string | null
  receivedAt: Date
}

export type KeptRequest = InboxRow & {
  method: string
  /** With its query string. */
  path: string
  headers: Record<string, string>
  body: Buffer
}

/** The matching webhooks in order of arrival, after the one with id `after`; without their bodies. */
export async function selectInbox(
  db: Db,
  filter: InboxFilter,
  about: { limit: number; after?: string | undefined },
): Promise<InboxRow[]> {
  const { ids, statuses, channel, accountId, errorCode, since, until } = filter
  return db<InboxRow[]>`
    select id, channel, account_id as "accountId", status, error_code as "errorCode", error_field as "errorField",
      error_message as "errorMessage", received_at as "receivedAt"
    from pigeonpost.webhook_inbox
    where tenant_id = ${filter.tenantId}
      ${ids === undefined ? db`` : db`and id = any (${ids}::uuid[])`}
      ${statuses === undefined ? db`` : statuses.includes('processed') ? db`and status = any (${statuses}::text[])` : db`and status in ('received', 'failed')`}
      ${channel === undefined ? db`` : db`and channel = ${channel}`}
      ${accountId === undefined ? db`` : db`and account_id = ${accountId}`}
      ${errorCode === undefined ? db`` : db`and error_code = ${errorCode}`}
      ${since === undefined ? db`` : db`and received_at >= ${since}`}
      ${until === undefined ? db`` : db`and received_at < ${until}`}
      ${
        about.after === undefined
          ? db``
          : db`and (received_at, id) > (
              select w.received_at, w.id from pigeonpost.webhook_inbox w where w.tenant_id = ${filter.tenantId} and w.id = ${about.after})`
      }
    order by received_at, id limit ${about.limit}`
}

/** Dismisses failed webhooks: they count as failed no more, and go when their retention is over. @returns those that were */
export async function dismissWebhooks(db: Db, tenantId: number, ids: string[]): Promise<string[]> {
  const rows = await db<{ id: string }[]>`
    select dismissed as id from pigeonpost.dismiss_webhooks(${tenantId}, ${ids}::uuid[]) dismissed`
  return rows.map(({ id }) => id)
}

/** One webhook with its body, or null. */
export async function findKept(db: Db, tenantId: number, id: string): Promise<KeptRequest | null> {
  const [row] = await db<KeptRequest[]>`
    select id, channel, account_id as "accountId", status, error_code as "errorCode", error_field as "errorField",
      error_message as "errorMessage", received_at as "receivedAt", method, path, headers, body
    from pigeonpost.webhook_inbox where tenant_id = ${tenantId} and id = ${id}`
  return row ?? null
}

/** The webhook with that digest (SHA-256, in hex) and its tenant, null where there is none or it was deleted. */
export async function findKeptRequest(
  db: Db,
  tenantId: number,
  digestHex: string,
): Promise<{ channel: string; request: WebhookRequest } | null> {
  if (!/^[0-9a-f]{64}$/.test(digestHex)) return null
  const [row] = await db<KeptRequest[]>`
    select id, channel, account_id as "accountId", status, error_code as "errorCode", error_field as "errorField",
      error_message as "errorMessage", received_at as "receivedAt", method, path, headers, body
    from pigeonpost.webhook_inbox where tenant_id = ${tenantId} and digest = ${Buffer.from(digestHex, 'hex')}`
  return row ? { channel: row.channel, request: asRequest(row) } : null
}

/** The stored request. Its time is that of its arrival, so that a replay parses it with the same result. */
export function asRequest({
  method,
  path: url,
  headers,
  body,
  receivedAt,
}: KeptRequest): WebhookRequest {
  const [path = '', query = ''] = splitOnce(url, '?')
  return {
    method,
    url,
    path,
    query: Object.fromEntries(new URLSearchParams(query)),
    headers,
    body,
    receivedAt,
  }
}

function splitOnce(text: string, at: string): string[] {
  const index = text.indexOf(at)
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)]
}

/** Sets the digest of a row stored before digests existed, so that the outcome of its replay is recorded on it. */
export async function setDigest(
  db: Db,
  tenantId: number,
  id: string,
  digest: Buffer,
): Promise<void> {
  await db`
    update pigeonpost.webhook_inbox w set digest = ${digest}
    where w.tenant_id = ${tenantId} and w.id = ${id} and w.digest is null and not exists (
      select from pigeonpost.webhook_inbox o where o.tenant_id = ${tenantId} and o.digest = ${digest})`
}
