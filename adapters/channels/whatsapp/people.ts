/**
 * Who a payload speaks of. A person has a phone number, a business-scoped user id (BSUID, such as
 * US.13491208655302741918) or both; the number may be left out for who has taken a username, and the number that
 * somebody writes from may differ from their WhatsApp id (Brazil's ninth digit).
 * Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
 */

import type { LinkedAddresses } from '../channel.ts'
import { isBusinessScopedId } from './address.ts'
import type { Contact } from './schema.ts'

type Address = string | null | undefined

export type Person = {
  address: string | null
  alternateAddress?: string
  name?: string
  username?: string
  /** Addresses beside those two. */
  others: string[]
}

/**
 * One person of all that is said of them: the phone number is the address and the BSUID the alternate one; who has no
 * number has the BSUID as address.
 */
export function personOf(addresses: Address[], contact?: Contact): Person {
  const all = distinct([...addresses, contact?.wa_id, contact?.user_id])
  const address = all.find((one) => !isBusinessScopedId(one)) ?? all[0] ?? null
  const alternateAddress = all.find((one) => one !== address && isBusinessScopedId(one))
  const name = contact?.profile?.name || contact?.profile?.username
  const username = contact?.profile?.username
  return {
    address,
    ...(alternateAddress ? { alternateAddress } : {}),
    ...(name ? { name } : {}),
    ...(username ? { username } : {}),
    others: all.filter((one) => one !== address && one !== alternateAddress),
  }
}

/**
 * The contact that is this person: by BSUID, by number, or the only one where the whole value speaks of one person
 * (`alone`), whose WhatsApp id may differ from the number; but never one with another BSUID.
 */
export function findContact(
  phone: Address,
  userId: Address,
  contacts: Contact[],
  alone: boolean,
): Contact | undefined {
  const [only, second] = contacts
  return (
    contacts.find((contact) => userId && contact.user_id === userId) ??
    contacts.find((contact) => phone && (contact.wa_id === phone || contact.user_id === phone)) ??
    (alone && !second && !(userId && only?.user_id) ? only : undefined)
  )
}

/** Each of the addresses with the first; nothing where there are fewer than two. */
export function linkAll(addresses: Address[], name?: string): LinkedAddresses[] {
  const [address, ...others] = distinct(addresses)
  if (!address) return []
  return others.map((alternateAddress) => ({
    address,
    alternateAddress,
    ...(name ? { name } : {}),
  }))
}

function distinct(addresses: Address[]): string[] {
  return [...new Set(addresses.filter((one): one is string => Boolean(one)))]
}
