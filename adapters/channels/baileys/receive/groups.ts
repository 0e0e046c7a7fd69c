/** Events about groups and about people's addresses, apart from messages. */

import type { GroupChange, LinkedAddresses } from '../../channel.ts'
import { readPayload } from '../../shared/payload.ts'
import { personOf, readJid } from '../address.ts'
import * as schema from './schema.ts'
import { asList, asObject, compact } from '../values.ts'

/** groups.upsert and groups.update. @throws UnreadablePayload */
export function readGroup(value: unknown): {
  groups: GroupChange[]
  identities: LinkedAddresses[]
} {
  const group = readPayload(schema.group, value)
  const metadata = compact({
    description: group.desc,
    owner: readJid(group.owner)?.address,
    announce: group.announce,
    restrict: group.restrict,
    size: group.size,
    addressing_mode: group.addressingMode,
    ephemeral_seconds: group.ephemeralDuration,
  })
  const change: GroupChange = {
    externalId: readJid(group.id)?.address ?? group.id,
    ...(group.subject ? { name: group.subject } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  }
  return {
    groups: change.name || change.metadata ? [change] : [],
    identities: readContacts(group.participants),
  }
}

/** Contacts and participants of groups, where a phone and a LID are said together. Others bring nothing. */
export function readContacts(value: unknown): LinkedAddresses[] {
  return asList(value).flatMap((one) => {
    const parsed = schema.contact.safeParse(one)
    if (!parsed.success) return []
    const { id, lid, phoneNumber, jid, name, notify, verifiedName } = parsed.data
    return link([id, lid, phoneNumber, jid], notify ?? name ?? verifiedName)
  })
}

/** lid-mapping.update, lidPnMappings of the history, and 6.7's chats.phoneNumberShare (`{lid, jid}`). */
export function readLidMappings(value: unknown): LinkedAddresses[] {
  const list = Array.isArray(value) ? value : [value]
  return list.flatMap((one) => {
    const parsed = schema.lidMapping.safeParse(one)
    return parsed.success ? link([parsed.data.lid, parsed.data.pn, parsed.data.jid]) : []
  })
}

/** chats.upsert, chats.update and those of the history: the names of groups, and people's two addresses. */
export function readChats(value: unknown): {
  groups: GroupChange[]
  identities: LinkedAddresses[]
} {
  const chats = asList(value)
    .map((one) => schema.chat.safeParse(one).data)
    .filter((chat) => chat !== undefined)
  return {
    groups: chats.flatMap(({ id, name }) => {
      const jid = readJid(id)
      return jid?.kind === 'group' && name ? [{ externalId: jid.address, name }] : []
    }),
    identities: chats.flatMap(({ id, lidJid, pnJid }) =>
      readJid(id)?.kind === 'group' ? [] : link([id, lidJid, pnJid]),
    ),
  }
}

/** group-participants.update: who came and went is in the group's stub messages; here are their addresses. */
export function readParticipants(value: unknown): LinkedAddresses[] {
  const update = asObject(value)
  const author = asObject({ id: update?.['author'], phoneNumber: update?.['authorPn'] })
  return readContacts([...asList(update?.['participants']), author])
}

function link(jids: (string | null | undefined)[], name?: string | null): LinkedAddresses[] {
  const person = personOf(jids)
  return person?.alternateAddress
    ? [
        {
          address: person.address,
          alternateAddress: person.alternateAddress,
          ...(name ? { name } : {}),
        },
      ]
    : []
}
