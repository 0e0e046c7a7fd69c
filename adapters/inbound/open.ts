import { createHash } from 'node:crypto'
import { findAccount } from '../../db/accounts/find.ts'
import { findTenantOfAccount } from '../../db/accounts/find-tenant.ts'
import type { Sql } from '../../db/connect.ts'
import { NotFoundError, UnauthorizedError } from '../../db/errors.ts'
import { isSecretName } from '../../db/inbox/store-webhooks.ts'
import { asTenant } from '../../db/tenant.ts'
import {
  type Channel,
  type ChannelAccount,
  type Received,
  UnreadablePayload,
  type WebhookAnswer,
  type WebhookRequest,
} from '../channels/channel.ts'
import { nameWebhook } from '../channels/shared/inbox-media.ts'
import { channels } from '../channels/registry.ts'
import { createCache } from '../shared/cache.ts'
import { lookUpSecret } from '../shared/secrets.ts'

export type Webhook = {
  /** Null where only its signature can tell: then `accountId` is there. */
  tenantId: number | null
  /** The folder's name, as in its path. */
  channel: string
  /** The account that the path names. */
  accountId?: string | null
  request: WebhookRequest
}

/** A webhook whose signature was verified, parsed as far as possible. */
export type OpenWebhook = {
  tenantId: number
  channel: Channel
  account: ChannelAccount | null
  request: WebhookRequest
  /** SHA-256 of what makes it this delivery. */
  digest: Buffer
  /** Its whole answer, where it brings nothing to store. */
  handshake: WebhookAnswer | null
  content: Received | UnreadablePayload
}

/** Looks up accounts, cached for `ttlMs`: every webhook needs one. */
export type Accounts = (tenantId: number | null, id: string) => Promise<ChannelAccount | null>

const ttlMs = 2_000
const maxEntries = 10_000

export function createAccounts(run: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>): Accounts {
  const cache = createCache<{ until: number; account: ChannelAccount | null }>({ maxEntries })
  const tenants = createCache<number>({ maxEntries })

  async function find(tenantId: number | null, id: string): Promise<ChannelAccount | null> {
    const tenant =
      tenantId ?? tenants.get(id) ?? (await run(async (sql) => findTenantOfAccount(sql, id)))
    if (tenant === null) return null
    const row = await run(async (sql) => asTenant(sql, tenant, (tx) => findAccount(tx, tenant, id)))
    if (!row) return null
    // Only now: a key's tenant is not that of any account that its requests name.
    tenants.set(id, tenant)
    return {
      tenantId: tenant,
      accountId: row.id,
      channel: row.channel,
      address: row.address,
      provider: row.provider,
      settings: row.settings,
      secret: lookUpSecret(row.secret_ref),
    }
  }

  return async (tenantId, id) => {
    const key = `${tenantId ?? ''} ${id}`
    const known = cache.get(key)
    if (known && known.until > Date.now()) return known.account
    const account = await find(tenantId, id)
    cache.set(key, { until: Date.now() + ttlMs, account })
    return account
  }
}

/**
 * Resolves the account, verifies the signature, parses the payload. Nothing is stored yet.
 * @throws NotFoundError (`channel_unknown`, `account_unknown`), UnauthorizedError (`signature_wrong`)
 */
export async function openWebhook(accounts: Accounts, webhook: Webhook): Promise<OpenWebhook> {
  return readWebhook(accounts, webhook, (channel, account) => {
    if (!channel.signed || channel.verify(webhook.request, account)) return
    throw new UnauthorizedError('the signature is not that of the account', {
      code: 'signature_wrong',
    })
  })
}

/** Like `openWebhook`, but skips signature verification (for replay). */
export async function readWebhook(
  accounts: Accounts,
  webhook: Webhook,
  check: (channel: Channel, account: ChannelAccount) => void = () => {},
): Promise<OpenWebhook> {
  const { request, accountId = null } = webhook
  const channel = channels.get(webhook.channel)
  if (!channel) throw channelUnknown(webhook.channel)
  const account = accountId === null ? null : await accounts(webhook.tenantId, accountId)
  if (accountId !== null && (!account || !channel.channels.includes(account.channel))) {
    throw new NotFoundError(`there is no ${channel.name} account ${accountId}`, {
      code: 'account_unknown',
      field: 'accountId',
    })
  }
  if (account) check(channel, account)
  const tenantId = account?.tenantId ?? webhook.tenantId
  if (tenantId === null) {
    throw new NotFoundError(`webhooks of ${channel.name} name their account in the path`, {
      code: 'account_unknown',
      field: 'accountId',
      hint: `Use /api/webhooks/${channel.name}/<account id>.`,
    })
  }
  const handshake = (account && channel.handshake?.(request, account)) ?? null
  const digest = digestOf(channel, request)
  const content: OpenWebhook['content'] = handshake
    ? { messages: [], updates: [] }
    : await read(channel, request, account, digest)
  return { tenantId, channel, account, request, digest, handshake, content }
}

/**
 * What makes a delivery the same one when it is tried again. Every payload names its messages, so the same bytes at the
 * same place are the same news.
 */
function digestOf(channel: Channel, request: WebhookRequest): Buffer {
  return createHash('sha256')
    .update(`${channel.name}\n${request.method} ${pathOf(request)}\n`)
    .update(request.body)
    .digest()
}

/** With its query string, less what is secret in it (SendGrid's `?token=`): no secret lies in the database. */
export function pathOf({ path, query }: WebhookRequest): string {
  const shown = Object.entries(query).filter(([name]) => !isSecretName(name))
  const parameters = new URLSearchParams(shown).toString()
  return parameters ? `${path}?${parameters}` : path
}

async function read(
  channel: Channel,
  request: WebhookRequest,
  account: ChannelAccount | null,
  digest: Buffer,
): Promise<OpenWebhook['content']> {
  try {
    return nameWebhook(await channel.receive(request, account), digest)
  } catch (error) {
    if (error instanceof UnreadablePayload) return error
    // A payload that no one foresaw: kept like any other unreadable one, to be replayed once it is supported.
    return new UnreadablePayload('body', String(error), undefined, 'internal_error', {
      cause: error,
    })
  }
}

export function channelUnknown(name: string): NotFoundError {
  return new NotFoundError(`channel "${name}" is not known`, {
    code: 'channel_unknown',
    field: 'channel',
    hint: `Known are: ${[...channels.keys()].join(', ')}.`,
  })
}
