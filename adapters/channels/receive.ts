import { findAccount } from '../../db/accounts/find.ts'
import type { Sql, Transaction } from '../../db/connect.ts'
import {
  asPigeonpostError,
  NotFound,
  PigeonpostError,
  retryTransient,
  Unauthorized,
} from '../../db/errors.ts'
import { keepWebhook } from '../../db/inbox/keep.ts'
import { applyUpdate, type UpdateResult } from '../../db/messages/apply-update.ts'
import { storeInbound, type StoredMessage } from '../../db/messages/store-inbound.ts'
import { asTenant } from '../../db/tenant.ts'
import { type Channel, UnreadablePayload, type WebhookRequest } from './channel.ts'
import { channels } from './registry.ts'
import { lookUpSecret } from './secret.ts'

export interface Webhook {
  tenantId: number
  /** The channel's name. */
  channel: string
  /** The account of ours that it is for, where the path names it. */
  accountId?: string | null
  request: WebhookRequest
}

/** Why a webhook could not be stored. `status` is the HTTP status that says so. */
export interface WebhookError {
  status: number
  code: string
  message: string
  field?: string | undefined
  hint?: string | undefined
}

export interface ReceivedWebhook {
  inboxId: string
  status: 'processed' | 'failed'
  /** Of its messages, those that were here already included. */
  messageIds: string[]
  messages: StoredMessage[]
  updates: { externalMessageId: string; result: UpdateResult }[]
  duplicates: number
  error?: WebhookError
}

type Content = Pick<ReceivedWebhook, 'messages' | 'updates'>

/**
 * Takes a webhook in one transaction: its bytes into the inbox, its messages and updates into their tables. What
 * cannot be read or stored leaves its bytes behind with the error, to be replayed, and `status` says `failed`.
 * A redelivery is `processed`, counts `duplicates`, and changes nothing else.
 * @throws NotFound (`channel_unknown`, `account_unknown`), Unauthorized (`signature_wrong`): nothing is kept.
 * @throws the driver's error where the database could not take anything: the provider should try again.
 */
export async function receiveWebhook(sql: Sql, webhook: Webhook): Promise<ReceivedWebhook> {
  const channel = channels.get(webhook.channel)
  if (!channel) {
    throw new NotFound(`channel "${webhook.channel}" is not known`, {
      code: 'channel_unknown',
      field: 'channel',
      hint: `Known are: ${[...channels.keys()].join(', ')}.`,
    })
  }
  return retryTransient(() =>
    asTenant(sql, webhook.tenantId, async (tx) => {
      await verify(tx, channel, webhook)
      let content: Content = { messages: [], updates: [] }
      let error: WebhookError | null = null
      try {
        content = await tx.savepoint((inner) => store(inner as Transaction, channel, webhook))
      } catch (cause) {
        error = describe(cause)
      }
      const inboxId = await keep(tx, webhook, error)
      return {
        inboxId,
        status: error ? ('failed' as const) : ('processed' as const),
        messageIds: content.messages.map(({ id }) => id),
        ...content,
        duplicates: content.messages.filter(({ duplicate }) => duplicate).length,
        ...(error ? { error } : {}),
      }
    }),
  )
}

async function verify(tx: Transaction, channel: Channel, webhook: Webhook): Promise<void> {
  if (!webhook.accountId) {
    return
  }
  const account = await findAccount(tx, webhook.tenantId, webhook.accountId)
  if (account?.channel !== channel.name) {
    throw new NotFound(`there is no ${channel.name} account ${webhook.accountId}`, {
      code: 'account_unknown',
      field: 'accountId',
    })
  }
  const { tenant_id: tenantId, id: accountId, address, provider, settings } = account
  const secret = lookUpSecret(account.secret_ref)
  if (
    !channel.verify(webhook.request, { tenantId, accountId, address, provider, settings, secret })
  ) {
    throw new Unauthorized('the signature is not that of the account', { code: 'signature_wrong' })
  }
}

async function store(tx: Transaction, channel: Channel, webhook: Webhook): Promise<Content> {
  const received = channel.receive(webhook.request)
  const about = {
    tenantId: webhook.tenantId,
    channel: channel.name,
    accountId: webhook.accountId ?? null,
  }
  const content: Content = { messages: [], updates: [] }
  // In one order in all transactions, so that two webhooks with the same new customers wait rather than deadlock.
  for (const message of received.messages.toSorted((a, b) => order(a.address, b.address))) {
    content.messages.push(await storeInbound(tx, about, message))
  }
  for (const update of received.updates.toSorted((a, b) =>
    order(a.externalMessageId, b.externalMessageId),
  )) {
    const result = await applyUpdate(tx, about, update)
    content.updates.push({ externalMessageId: update.externalMessageId, result })
  }
  return content
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

function keep(tx: Transaction, webhook: Webhook, error: WebhookError | null): Promise<string> {
  const { method, path, query, headers, body } = webhook.request
  const parameters = new URLSearchParams(query).toString()
  return keepWebhook(tx, {
    tenantId: webhook.tenantId,
    channel: webhook.channel,
    accountId: webhook.accountId ?? null,
    method,
    path: parameters ? `${path}?${parameters}` : path,
    headers,
    body,
    error,
  })
}

/** What is wrong with the payload. @throws what says nothing about it: a deadlock, a lost connection. */
function describe(cause: unknown): WebhookError {
  if (cause instanceof UnreadablePayload) {
    return {
      status: 400,
      code: cause.code,
      message: cause.message,
      field: cause.field,
      hint: cause.hint,
    }
  }
  const error = asPigeonpostError(cause)
  if (
    error instanceof PigeonpostError &&
    error.status < 500 &&
    error.details.sqlState !== '42501'
  ) {
    const { code, field, hint } = error.details
    return { status: error.status, code, message: error.message, field, hint }
  }
  if (error instanceof PigeonpostError || isTransient(cause)) {
    throw cause
  }
  return { status: 500, code: 'internal_error', message: String(cause) }
}

function isTransient(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return code === '40P01' || code === '40001'
}
