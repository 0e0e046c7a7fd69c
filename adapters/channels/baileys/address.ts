/** Converts WhatsApp's JIDs to our addresses. */

import type { ChannelAccount } from '../channel.ts'
import { toE164 } from '../shared/phone.ts'
import type { Key } from './receive/schema.ts'

export type Person = {
  /** E.164 where the phone is known, else `<n>@lid`, else the JID. */
  address: string
  /** The LID beside the phone. */
  alternateAddress?: string
}

export type Place = {
  fromMe: boolean
  /** The group's JID; null in a chat with one person. */
  group: string | null
  /** In a chat the counterpart; in a group who wrote it, null where that is us or nobody is named. */
  person: Person | null
}

type Jid = {
  kind: 'phone' | 'lid' | 'group' | 'other'
  address: string
}

/**
 * `27831234567:12@s.whatsapp.net` is +27831234567: the agent (`_1`) and device (`:12`) are no part of who it is. Hosted
 * numbers (`@hosted`, `@hosted.lid`) are Meta's servers holding a device of the same person. What is none of these
 * (`…@bot`) keeps its spelling. Source: Baileys, lib/WABinary/jid-utils.js.
 */
export function readJid(jid: string | null | undefined): Jid | null {
  if (!jid) return null
  const at = jid.lastIndexOf('@')
  if (at < 0) {
    const number = toE164(jid)
    return number ? { kind: 'phone', address: number } : { kind: 'other', address: jid }
  }
  const user = jid.slice(0, at).replace(/([:_.][0-9]+)+$/, '')
  const server = jid.slice(at + 1).toLowerCase()
  if (!user) return null
  switch (server) {
    case 's.whatsapp.net':
    case 'c.us':
    case 'hosted': {
      const number = /^\d+$/.test(user) ? toE164(user) : null
      return number ? { kind: 'phone', address: number } : { kind: 'other', address: jid }
    }
    case 'lid':
    case 'hosted.lid':
      return { kind: 'lid', address: `${user}@lid` }
    case 'g.us':
      return { kind: 'group', address: `${jid.slice(0, at)}@g.us` }
    default:
      return { kind: 'other', address: `${user}@${server}` }
  }
}

/** One person, from all the JIDs that name them; `own` addresses are not theirs. */
export function personOf(
  jids: readonly (string | null | undefined)[],
  own: ReadonlySet<string> = new Set(),
): Person | null {
  const read = jids.map(readJid).filter((jid) => jid !== null)
  const find = (kind: Jid['kind']) =>
    read.find((jid, index) => jid.kind === kind && (index === 0 || !own.has(jid.address)))
  const phone = find('phone')?.address
  const lid = find('lid')?.address
  const address = phone ?? lid ?? read.find(({ kind }) => kind === 'other')?.address
  if (!address) return null
  return { address, ...(phone && lid ? { alternateAddress: lid } : {}) }
}

/** Our own addresses on this account: its number, and its LID where `settings.lid` says it. */
export function ownAddresses(account: ChannelAccount | null): Set<string> {
  const lid = account?.settings['lid']
  return new Set(
    [account?.address, typeof lid === 'string' ? lid : null]
      .map((jid) => readJid(jid)?.address)
      .filter((address) => address !== undefined),
  )
}

/**
 * Null for what is no conversation: stories (`status@broadcast`), channels (`@newsletter`), and our own sends to a
 * broadcast list. What somebody sends us through a list of theirs is a message of theirs in the chat with them, as in
 * WhatsApp itself (Baileys, getChatId).
 *
 * `author` is WebMessageInfo's own `participant`, which messages of the history have in place of the key's.
 */
export function placeOf(key: Key, own: ReadonlySet<string>, author?: string | null): Place | null {
  const fromMe = key.fromMe === true
  const server = key.remoteJid.slice(key.remoteJid.lastIndexOf('@') + 1).toLowerCase()
  const participants = [
    key.participant || author,
    key.participantAlt,
    key.participantPn,
    key.participantLid,
  ]
  switch (server) {
    case 'g.us':
      return {
        fromMe,
        group: readJid(key.remoteJid)?.address ?? key.remoteJid,
        person: fromMe ? null : personOf(participants),
      }
    case 'newsletter':
      return null
    case 'broadcast': {
      const story = key.remoteJid.toLowerCase().startsWith('status@')
      const person = story || fromMe ? null : personOf([...participants, key.remoteJidAlt])
      return person && { fromMe, group: null, person }
    }
    default: {
      // Of what we sent, the "sender" is us: only the chat's own names are the counterpart's.
      const person = fromMe
        ? personOf([key.remoteJid, key.remoteJidAlt], own)
        : personOf([key.remoteJid, key.remoteJidAlt, key.senderPn, key.senderLid])
      return person && { fromMe, group: null, person }
    }
  }
}

/** Who reacted: us under our number, else the person. */
export function actorOf(place: Place, account: ChannelAccount | null): string {
  return place.fromMe ? (account?.address ?? 'me') : (place.person?.address ?? '')
}
