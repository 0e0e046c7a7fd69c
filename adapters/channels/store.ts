import type { Transaction } from '../../db/connect.ts'
import { changeGroup } from '../../db/conversations/change-group.ts'
import { linkAddresses } from '../../db/customers/link-addresses.ts'
import { asPigeonpostError, PigeonpostError, Unavailable } from '../../db/errors.ts'
import { type KeptWebhook, keepWebhooks, markFailed } from '../../db/inbox/keep.ts'
import {
  applyUpdates,
  type PlacedUpdate,
  type UpdateResult,
} from '../../db/messages/apply-updates.ts'
import { lockExternalIds } from '../../db/messages/lock-external-ids.ts'
import {
  type PlacedMessage,
  recogniseEcho,
  type StoredMessage,
  storeMessages,
} from '../../db/messages/store-messages.ts'
import { type Received, UnreadablePayload } from './channel.ts'
import { type OpenWebhook, pathOf } from './open.ts'
import { createPlace, type Placed } from './place.ts'

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
  /** `failed`: something in it could not be read or stored; its bytes are kept, and what could be stored is. */
  status: 'processed' | 'failed'
  /** Of its messages, those that were here already included. */
  messageIds: string[]
  messages: StoredMessage[]
  updates: { externalMessageId: string; result: UpdateResult }[]
  duplicates: number
  error?: WebhookError
}

type Stored = Pick<ReceivedWebhook, 'messages' | 'updates'> & { error: WebhookError | null }

/**
 * Stores webhooks of one tenant in one transaction: their bytes in the inbox, their messages, updates, links and groups.
 * @throws what the database cannot store; then nothing is, and the caller stores them one by one with `storeAlone`
 */
export async function storeTogether(
  tx: Transaction,
  webhooks: OpenWebhook[],
): Promise<ReceivedWebhook[]> {
  const read = webhooks.map(readError)
  // Both at once: the inbox comes first on the connection, for all writers in the same order.
  const [ids, stored] = await Promise.all([keep(tx, webhooks, read), storeContents(tx, webhooks)])
  for (const [i, { error }] of stored.entries()) {
    if (error && !read[i]) await markFailed(tx, webhooks[i]?.tenantId ?? 0, ids[i] ?? '', error)
  }
  return webhooks.map((_, i) => toReceived(ids[i], stored[i], read[i] ?? stored[i]?.error ?? null))
}

/** The same for one, of which the bytes are kept, with the error, where the database cannot store the rest. */
export async function storeAlone(tx: Transaction, webhook: OpenWebhook): Promise<ReceivedWebhook> {
  let stored: Stored
  try {
    const [one] = await tx.savepoint(async (inner) => {
      const contents = await storeContents(inner as Transaction, [webhook], applyEach)
      // What is checked at the commit would take the inbox's row with it.
      await inner`set constraints all immediate`
      return contents
    })
    stored = one ?? nothing()
  } catch (cause) {
    stored = { ...nothing(), error: describe(cause) }
  }
  const error = readError(webhook) ?? stored.error
  const [id] = await keep(tx, [webhook], [error])
  return toReceived(id, stored, error)
}

export function toReceived(
  inboxId = '',
  { messages, updates }: Stored = nothing(),
  error: WebhookError | null,
): ReceivedWebhook {
  return {
    inboxId,
    status: error ? 'failed' : 'processed',
    messageIds: messages.map(({ id }) => id),
    messages,
    updates,
    duplicates: messages.filter(({ duplicate }) => duplicate).length,
    ...(error ? { error } : {}),
  }
}

/** What could not be read, known before anything is stored. */
function readError({ content }: OpenWebhook): WebhookError | null {
  const problem = content instanceof UnreadablePayload ? content : content.problems?.[0]
  return problem ? describe(problem) : null
}

async function keep(
  tx: Transaction,
  webhooks: OpenWebhook[],
  errors: (WebhookError | null)[],
): Promise<string[]> {
  const kept = webhooks.map((webhook, i) => ({ ...toKept(webhook), error: errors[i] ?? null }))
  return keepWebhooks(tx, webhooks[0]?.tenantId ?? 0, kept)
}

/** As the inbox keeps it where nothing is wrong with it. */
export function toKept({ channel, account, request, digest }: OpenWebhook): KeptWebhook {
  return {
    channel: channel.name,
    accountId: account?.accountId ?? null,
    method: request.method,
    path: pathOf(request),
    headers: request.headers,
    body: request.body,
    digest,
    error: null,
  }
}

function nothing(): Stored {
  return { messages: [], updates: [], error: null }
}

async function storeContents(
  tx: Transaction,
  webhooks: OpenWebhook[],
  apply: ApplyUpdates = applyUpdates,
): Promise<Stored[]> {
  const tenantId = webhooks[0]?.tenantId ?? 0
  const stored = webhooks.map(nothing)
  const contents = webhooks.map(({ content }) =>
    content instanceof UnreadablePayload
      ? ({ messages: [], updates: [] } satisfies Received)
      : content,
  )
  const idsOf = (items: { externalMessageId: string }[]) =>
    items.map((one) => one.externalMessageId)
  await lockExternalIds(tx, tenantId, {
    messages: contents.flatMap(({ messages }) => idsOf(messages)),
    updates: contents.flatMap(({ updates }) => idsOf(updates)),
  })
  const place = await createPlace(tx, webhooks, contents)

  for (const [i, { identities = [] }] of contents.entries()) {
    for (const link of identities) {
      await linkAddresses(tx, tenantId, { ...link, channel: place(i, link).channel })
    }
  }
  // First, since a message under a group's new id would make another group of it.
  const moved = new Map<string, string>()
  for (const [i, { groups = [] }] of contents.entries()) {
    for (const change of groups) {
      if (!change.newExternalId) continue
      const at = place(i, change)
      moved.set(`${at.channel} ${at.accountId} ${change.externalId}`, change.newExternalId)
      await changeGroup(tx, tenantId, { change, ...at })
    }
  }
  /** What came for the old id has moved along. */
  const settled = <T extends Placed>(of: number, item: T): T => {
    const { channel, accountId } = place(of, item)
    const id = moved.get(`${channel} ${accountId} ${item.conversationExternalId}`)
    return id === undefined ? item : { ...item, conversationExternalId: id }
  }
  const messages: (PlacedMessage & { of: number })[] = []
  for (const [of, content] of contents.entries()) {
    for (const message of content.messages) {
      const placed = { message: settled(of, message), ...place(of, message) }
      const own = await recogniseEcho(tx, tenantId, placed)
      if (own) stored[of]?.messages.push(own)
      else messages.push({ ...placed, of })
    }
  }
  const results = await storeMessages(tx, tenantId, messages)
  for (const [i, result] of results.entries()) {
    const mine = stored[messages[i]?.of ?? -1]
    if (!mine) continue
    if (result instanceof PigeonpostError) mine.error ??= describe(result)
    else mine.messages.push(result)
  }
  const updates = contents.flatMap((content, of) =>
    content.updates.map((update) => ({ update: settled(of, update), ...place(of, update), of })),
  )
  for (const [i, result] of (await apply(tx, tenantId, updates)).entries()) {
    const one = updates[i]
    const mine = stored[one?.of ?? -1]
    const { externalMessageId = '' } = one?.update ?? {}
    if (typeof result === 'string') mine?.updates.push({ externalMessageId, result })
    else if (mine) mine.error ??= result
  }
  for (const [i, { groups = [] }] of contents.entries()) {
    for (const change of groups) {
      if (change.newExternalId) continue
      await changeGroup(tx, tenantId, { change, ...place(i, change) })
    }
  }
  return stored
}

type ApplyUpdates = (
  tx: Transaction,
  tenantId: number,
  updates: PlacedUpdate[],
) => Promise<(UpdateResult | WebhookError)[]>

/** One by one, so that one that cannot be applied leaves the others, and the messages, be. */
const applyEach: ApplyUpdates = async (tx, tenantId, updates) => {
  const results: (UpdateResult | WebhookError)[] = []
  for (const update of updates) {
    try {
      results.push(
        ...(await tx.savepoint((inner) => applyUpdates(inner as Transaction, tenantId, [update]))),
      )
    } catch (cause) {
      results.push(describe(cause))
    }
  }
  return results
}

/** What is wrong with the payload. @throws what says nothing about it: a deadlock, a lost connection. */
function describe(cause: unknown): WebhookError {
  if (cause instanceof UnreadablePayload) {
    const { code, message, field, hint } = cause
    return { status: code === 'internal_error' ? 500 : 400, code, message, field, hint }
  }
  const error = asPigeonpostError(cause)
  if (error instanceof PigeonpostError) {
    if (error instanceof Unavailable || error.details.sqlState === '42501') throw cause
    if (error.status >= 500) return internal(error)
    const { code, field, hint } = error.details
    return { status: error.status, code, message: error.message, field, hint }
  }
  if (isTransient(cause)) throw cause
  return internal(cause)
}

function internal(cause: unknown): WebhookError {
  return { status: 500, code: 'internal_error', message: String(cause) }
}

function isTransient(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return code === '40P01' || code === '40001'
}
