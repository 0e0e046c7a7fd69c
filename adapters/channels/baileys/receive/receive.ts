import {
  type ChannelAccount,
  type Received,
  UnreadablePayload,
  type WebhookRequest,
} from '../../channel.ts'
import { parseJson, readPayload, toDate } from '../../shared/payload.ts'
import { ownAddresses } from '../address.ts'
import { type Batch, type BatchContext, emptyBatch } from './batch.ts'
import { readChats, readContacts, readGroup, readLidMappings, readParticipants } from './groups.ts'
import { readInfo } from './messages.ts'
import { envelope as envelopeSchema } from './schema.ts'
import { readReaction, readReceipt, readUpdate } from './updates.ts'
import { asList, asObject } from '../values.ts'

type Envelope = {
  event: string
  data?: unknown
  at?: string | number | null | undefined
}

/**
 * The rows behind Baileys' events (see schema.ts for the body). Events that bring no message, update, group or address
 * give nothing, `messages.delete` among them: it is a deletion on one's own devices, not a revoke.
 * @throws UnreadablePayload where the body is no event; parts that cannot be read are its `problems`.
 */
export function receive(request: WebhookRequest, account: ChannelAccount | null): Received {
  const payload = parseJson(request.body)
  const problems: UnreadablePayload[] = []
  const batch = emptyBatch()
  const envelopes = Array.isArray(payload)
    ? payload.flatMap(
        (one, index) => attempt(problems, `[${index}]`, () => readEnvelope(one)) ?? [],
      )
    : [readEnvelope(payload)]
  const about = { account, own: ownAddresses(account), groupNames: namesOf(envelopes) }
  for (const envelope of envelopes) {
    const at = envelope.at ? toDate(envelope.at) : null
    const context: BatchContext = {
      ...about,
      at: (at ?? request.receivedAt).toISOString(),
      origin: 'notify',
    }
    for (const [field, read] of readersOf(envelope, context)) {
      const part = attempt(problems, field, read)
      batch.messages.push(...(part?.messages ?? []))
      batch.updates.push(...(part?.updates ?? []))
      batch.identities.push(...(part?.identities ?? []))
      batch.groups.push(...(part?.groups ?? []))
    }
  }
  return {
    messages: batch.messages,
    updates: batch.updates,
    ...(batch.identities.length > 0 ? { identities: batch.identities } : {}),
    ...(batch.groups.length > 0 ? { groups: batch.groups } : {}),
    ...(problems.length > 0 ? { problems } : {}),
  }
}

function readEnvelope(value: unknown): Envelope {
  return readPayload(envelopeSchema, value)
}

type Reader = [field: string, read: () => Partial<Batch>]

/** A reader for each item of the event, so that one that cannot be read does not cost the others. */
function readersOf({ event, data }: Envelope, context: BatchContext): Reader[] {
  const each = (list: unknown, field: string, read: (item: unknown) => Partial<Batch>): Reader[] =>
    asList(list).map((item, index) => [`${field}[${index}]`, () => read(item)])
  const parts = asObject(data)
  switch (event) {
    case 'messages.upsert': {
      const origin = parts?.['type'] === 'append' ? ('append' as const) : ('notify' as const)
      return each(parts?.['messages'], `${event}.messages`, (one) =>
        readInfo(one, { ...context, origin }),
      )
    }
    case 'messaging-history.set': {
      const history = { ...context, origin: 'history' as const }
      return [
        [`${event}.chats`, () => readChats(parts?.['chats'])],
        [`${event}.contacts`, () => ({ identities: readContacts(parts?.['contacts']) })],
        [
          `${event}.lidPnMappings`,
          () => ({ identities: readLidMappings(parts?.['lidPnMappings']) }),
        ],
        ...each(parts?.['messages'], `${event}.messages`, (one) => readInfo(one, history)),
      ]
    }
    case 'messages.update':
      return each(data, event, (one) => readUpdate(one, context))
    case 'message-receipt.update':
      return each(data, event, (one) => readReceipt(one, context))
    case 'messages.reaction':
      return each(data, event, (one) => readReaction(one, context))
    case 'groups.upsert':
    case 'groups.update':
      return each(data, event, readGroup)
    case 'chats.upsert':
    case 'chats.update':
      return [[event, () => readChats(data)]]
    case 'contacts.upsert':
    case 'contacts.update':
      return [[event, () => ({ identities: readContacts(data) })]]
    case 'lid-mapping.update':
    case 'chats.phoneNumberShare':
      return [[event, () => ({ identities: readLidMappings(data) })]]
    case 'group-participants.update':
      return [[event, () => ({ identities: readParticipants(data) })]]
    default:
      return []
  }
}

/** Groups' names said anywhere in the batch: a new group's first message comes with its name. */
function namesOf(envelopes: Envelope[]): Map<string, string> {
  const names = new Map<string, string>()
  for (const { event, data } of envelopes) {
    const chats = event === 'messaging-history.set' ? asObject(data)?.['chats'] : data
    const groups = event.startsWith('groups.')
      ? asList(data).flatMap((one) => attempt([], event, () => readGroup(one))?.groups ?? [])
      : /^(chats\.|messaging-history)/.test(event)
        ? readChats(chats).groups
        : []
    for (const { externalId, name } of groups) if (name) names.set(externalId, name)
  }
  return names
}

/** What `read` gives; undefined where it could not, with the problem noted under its place in the body. */
function attempt<T>(problems: UnreadablePayload[], place: string, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof UnreadablePayload)) throw error
    problems.push(
      new UnreadablePayload(`${place}.${error.field}`, error.message, error.hint, error.code, {
        cause: error,
      }),
    )
    return undefined
  }
}
