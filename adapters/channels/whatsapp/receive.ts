import {
  type ChannelAccount,
  type GroupChange,
  type LinkedAddresses,
  type Received,
  UnreadablePayload,
  type WebhookRequest,
} from '../channel.ts'
import { parseJson, readPayload, storable } from '../shared/payload.ts'
import { readGroup } from './groups.ts'
import { type Part, type Place, readMessage } from './message.ts'
import { findContact, linkAll, personOf } from './people.ts'
import {
  change as changeSchema,
  entry as entrySchema,
  envelope,
  historyThread,
  userIdUpdate,
} from './schema.ts'
import { readStatus } from './updates.ts'

type Batch = Required<Received>

/**
 * Everything in a delivery, which may be of many messages, receipts and accounts: `messages`, `statuses`, the business
 * app's `message_echoes` and `history`, `user_id_update` and the groups' news. An item that cannot be read becomes a
 * problem named by its path; fields that bring none of these (templates, calls, preferences) give nothing.
 * @throws UnreadablePayload where there is no list of entries.
 */
export function receive(request: WebhookRequest, account: ChannelAccount | null): Received {
  const payload = readPayload(envelope, parseJson(request.body))
  const batch: Batch = { messages: [], updates: [], identities: [], groups: [], problems: [] }
  each(payload.entry, 'entry', batch, (item, path) => {
    const { changes } = readPayload(entrySchema, item)
    each(changes, `${path}.changes`, batch, (change, path) =>
      readChange(change, `${path}.value`, account, batch),
    )
  })
  const { messages, updates, groups, problems } = batch
  const identities = distinct(batch.identities)
  return {
    messages,
    updates,
    ...(identities.length > 0 ? { identities } : {}),
    ...(groups.length > 0 ? { groups } : {}),
    ...(problems.length > 0 ? { problems } : {}),
  }
}

function readChange(
  item: unknown,
  path: string,
  account: ChannelAccount | null,
  batch: Batch,
): void {
  const { field, value } = readPayload(changeSchema, item)
  const accountAddress = value.metadata?.display_phone_number
  const contacts = value.contacts ?? []
  const place = {
    ...(accountAddress ? { accountAddress } : {}),
    ...(field === 'history' ? { history: true } : {}),
    ...(value.errors ? { errors: storable(value['errors']) } : {}),
  }
  const take = (part: Part) => {
    batch.messages.push(...part.messages)
    batch.updates.push(...part.updates)
    batch.identities.push(...part.identities)
  }

  const received = areOnePersons(value['messages'], 'from', 'from_user_id')
  const side: Place['side'] = ({ from, from_user_id }) => ({
    outbound: false,
    person: personOf([from, from_user_id], findContact(from, from_user_id, contacts, received)),
  })
  each(value['messages'], `${path}.messages`, batch, (item) =>
    take(readMessage(item, { ...place, side })),
  )

  const echoed = areOnePersons(value['message_echoes'], 'to', 'to_user_id')
  const echoSide: Place['side'] = ({ to, to_user_id }) => ({
    outbound: true,
    person: personOf([to, to_user_id], findContact(to, to_user_id, contacts, echoed)),
  })
  each(value['message_echoes'], `${path}.message_echoes`, batch, (item) =>
    take(readMessage(item, { ...place, side: echoSide })),
  )

  each(value['history'], `${path}.history`, batch, (chunk, path) => {
    const threads = typeof chunk === 'object' && chunk && 'threads' in chunk ? chunk.threads : null
    each(threads, `${path}.threads`, batch, (item, path) => {
      const thread = readPayload(historyThread, item)
      const { id, context } = thread
      const profile = { profile: { username: context?.username } }
      const person = personOf([id, context?.wa_id, context?.user_id], profile)
      const own = accountAddress ?? account?.address
      const side: Place['side'] = ({ from }) => ({
        outbound: Boolean(from) && (own ? from === own : from !== person.address),
        person,
      })
      each(thread.messages, `${path}.messages`, batch, (item) =>
        take(readMessage(item, { ...place, history: true, side })),
      )
    })
  })

  each(value['statuses'], `${path}.statuses`, batch, (item) => {
    const read = readStatus(item)
    if (!read) return
    batch.updates.push({ ...(accountAddress ? { accountAddress } : {}), ...read.update })
    batch.identities.push(...read.identities)
  })

  each(value['user_id_update'], `${path}.user_id_update`, batch, (item) => {
    const { wa_id, user_id } = readPayload(userIdUpdate, item)
    const contact = findContact(wa_id, user_id.current, contacts, true)
    const name = contact?.profile?.name
    batch.identities.push(...linkAll([wa_id, user_id.previous, user_id.current], name))
  })

  each(value['groups'], `${path}.groups`, batch, (item) => {
    const change: GroupChange | null = readGroup(item)
    if (change) batch.groups.push({ ...(accountAddress ? { accountAddress } : {}), ...change })
  })
}

/** Each item of a list by itself; what cannot be read is a problem under its path. */
function each(
  list: unknown,
  path: string,
  batch: Batch,
  read: (item: unknown, path: string) => void,
): void {
  if (list === undefined || list === null) return
  if (!Array.isArray(list)) {
    batch.problems.push(new UnreadablePayload(path, `${path} must be a list`))
    return
  }
  list.forEach((item: unknown, index) => {
    const at = `${path}.${index}`
    try {
      read(item, at)
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) throw error
      const field = error.field === 'body' ? at : `${at}.${error.field}`
      const message = `${at}: ${error.message}`
      batch.problems.push(
        new UnreadablePayload(field, message, error.hint, error.code, { cause: error }),
      )
    }
  })
}

/** Whether no two of them name different people. */
function areOnePersons(list: unknown, ...fields: [string, string]): boolean {
  if (!Array.isArray(list)) return true
  if (list.length <= 1) return true
  const named = list.map((item: unknown) => {
    const record = typeof item === 'object' && item !== null ? item : {}
    const values = new Map<string, unknown>(Object.entries(record))
    return fields
      .map((field) => values.get(field))
      .map((value) => (typeof value === 'string' ? value : ''))
      .join(' ')
  })
  return new Set(named).size <= 1
}

function distinct(links: LinkedAddresses[]): LinkedAddresses[] {
  return [...new Map(links.map((link) => [JSON.stringify(link), link])).values()]
}
