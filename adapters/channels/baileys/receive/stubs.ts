/**
 * WebMessageInfo.StubType (WAProto 7.0): what a message without content is about. Numbers in Baileys' own objects, names
 * where a protobuf class wrote the JSON.
 */

import { type Properties, toEnum } from '../values.ts'

const names = {
  UNKNOWN: 0,
  REVOKE: 1,
  CIPHERTEXT: 2,
  FUTUREPROOF: 3,
  GROUP_CREATE: 20,
  GROUP_CHANGE_SUBJECT: 21,
  GROUP_CHANGE_ICON: 22,
  GROUP_CHANGE_INVITE_LINK: 23,
  GROUP_CHANGE_DESCRIPTION: 24,
  GROUP_CHANGE_RESTRICT: 25,
  GROUP_CHANGE_ANNOUNCE: 26,
  GROUP_PARTICIPANT_ADD: 27,
  GROUP_PARTICIPANT_REMOVE: 28,
  GROUP_PARTICIPANT_PROMOTE: 29,
  GROUP_PARTICIPANT_DEMOTE: 30,
  GROUP_PARTICIPANT_INVITE: 31,
  GROUP_PARTICIPANT_LEAVE: 32,
  GROUP_PARTICIPANT_CHANGE_NUMBER: 33,
  CALL_MISSED_VOICE: 40,
  CALL_MISSED_VIDEO: 41,
  INDIVIDUAL_CHANGE_NUMBER: 42,
  GROUP_DELETE: 43,
  CALL_MISSED_GROUP_VOICE: 45,
  CALL_MISSED_GROUP_VIDEO: 46,
  GROUP_PARTICIPANT_ADD_REQUEST_JOIN: 71,
  ADMIN_REVOKE: 132,
  GROUP_PARTICIPANT_ACCEPT: 140,
  GROUP_PARTICIPANT_LINKED_GROUP_JOIN: 141,
  GROUP_MEMBERSHIP_JOIN_APPROVAL_REQUEST: 144,
  GROUP_MEMBERSHIP_JOIN_APPROVAL_MODE: 145,
  GROUP_MEMBER_ADD_MODE: 171,
  GROUP_MEMBERSHIP_JOIN_APPROVAL_REQUEST_NON_ADMIN_ADD: 172,
  CHANGE_LID: 213,
} as const
type StubName = keyof typeof names

const special: Partial<Record<StubName, Stub['kind']>> = {
  REVOKE: 'revoked',
  ADMIN_REVOKE: 'revoked',
  UNKNOWN: 'undecrypted',
  CIPHERTEXT: 'undecrypted',
  FUTUREPROOF: 'undecrypted',
}

const byNumber = new Map<number, StubName>(
  Object.entries(names).map(([name, number]) => [number, name as StubName]),
)

export type Stub = {
  /** What becomes of the message: see `stubOf`. */
  kind: 'undecrypted' | 'revoked' | 'notice' | 'silent'
  name: string
}

/**
 * - `undecrypted`: its content may come again under the same id. A message with neither stub nor content is one too.
 * - `revoked`: it was deleted for everyone.
 * - `notice`: something happened in the group or chat, or WhatsApp has a kind that we do not know.
 * - `silent`: about encryption, verification, business accounts and the chat's settings; nobody would miss it in a chat.
 */
export function stubOf(type: unknown): Stub {
  const known = byNumber.get(toEnum(type, names) ?? -1)
  const name = known ?? (typeof type === 'string' || typeof type === 'number' ? String(type) : '')
  if (name === '') return { kind: 'undecrypted', name: 'UNKNOWN' }
  if (known === undefined) return { kind: isSilent(type) ? 'silent' : 'notice', name }
  return { kind: special[known] ?? 'notice', name }
}

const silentNames =
  /^(E2E_|BIZ_|BLUE_MSG_|(NON_|UN)?VERIFIED_|PAYMENT_|EPHEMERAL_|CHANGE_EPHEMERAL|DISAPPEARING|VIEWED_ONCE|SYNC)/

/** Ranges by the proto's order: verification, encryption, business, payment, ephemeral and privacy notices. */
const silentRanges = [
  [4, 19],
  [38, 39],
  [47, 67],
  [72, 118],
  [123, 131],
  [143, 143],
  [154, 157],
  [192, 196],
  [201, 202],
] as const

function isSilent(type: unknown): boolean {
  if (typeof type === 'string' && !/^\d+$/.test(type)) return silentNames.test(type)
  const number = Number(type)
  return silentRanges.some(([first, last]) => number >= first && number <= last)
}

/** A stub's parameters: strings, some of them JSON of a participant. */
export function parametersOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

export function stubFacts({ name }: Stub, parameters: string[]): Properties {
  return { type: name, ...(parameters.length > 0 ? { parameters } : {}) }
}
