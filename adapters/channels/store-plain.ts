import type { Sql } from '../../db/connect.ts'
import { receiveWebhooks } from '../../db/inbox/receive.ts'
import { toRow } from '../../db/messages/store-messages.ts'
import { type Received, UnreadablePayload } from './channel.ts'
import type { OpenWebhook } from './open.ts'
import { placeWithoutLooking } from './place.ts'
import { type ReceivedWebhook, toKept, toReceived } from './store.ts'

/**
 * Stores webhooks of one tenant by one statement, where they bring messages and updates and nothing that has to be
 * looked up before: a flight to the database in place of five. Null where one of them brings more.
 * @throws what the database cannot store so; then nothing is, and the caller tries `storeTogether`
 */
export async function storePlain(
  sql: Sql,
  webhooks: OpenWebhook[],
  options: { lockMs?: number | undefined },
): Promise<ReceivedWebhook[] | null> {
  const contents: Received[] = []
  for (const { content } of webhooks) {
    if (content instanceof UnreadablePayload || !isPlain(content)) return null
    contents.push(content)
  }
  const place = placeWithoutLooking(webhooks, contents)
  if (!place) return null
  const now = Date.now()
  const tenantId = webhooks[0]?.tenantId ?? 0
  const received = await receiveWebhooks(
    sql,
    tenantId,
    {
      webhooks: webhooks.map(toKept),
      messages: contents.flatMap(({ messages }, of) =>
        messages.map((message) =>
          toRow(tenantId, { message, ...place(of, message) }, new Map(), now),
        ),
      ),
      updates: contents.flatMap(({ updates }, of) =>
        updates.map((update) => ({ update, ...place(of, update) })),
      ),
    },
    options,
  )
  const messages = received.messages.values()
  const updates = received.updates.values()
  return contents.map((content, i) => {
    const stored = {
      messages: content.messages.map(({ externalMessageId }) => {
        const [id = '', duplicate = false] = messages.next().value ?? []
        return { id, externalMessageId, duplicate }
      }),
      updates: content.updates.map(({ externalMessageId }) => {
        return { externalMessageId, result: updates.next().value ?? 'ignored' }
      }),
      error: null,
    }
    return toReceived(received.inbox[i], stored, null)
  })
}

/** Messages that answer none and echo none of ours, updates, and nothing beside them. */
function isPlain({ messages, identities, groups, problems }: Received): boolean {
  return (
    !identities?.length &&
    !groups?.length &&
    !problems?.length &&
    messages.every(({ replyTo, reference }) => !replyTo?.length && !reference)
  )
}
