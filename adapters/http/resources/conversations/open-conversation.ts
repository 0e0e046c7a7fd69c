import { z } from 'zod'
import { findDefaultAccount } from '../../../../db/accounts/choose.ts'
import { findAccount, findOnlyAccount } from '../../../../db/accounts/find.ts'
import type { Transaction } from '../../../../db/connect.ts'
import { createConversation, findInPlace } from '../../../../db/conversations/create.ts'
import { addParticipants, type NewParticipant } from '../../../../db/conversations/participants.ts'
import { findOrOpenCustomer } from '../../../../db/customers/create.ts'
import { lockCustomers } from '../../../../db/customers/lock.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../../../../db/errors.ts'
import type { AccountRow, ConversationRow } from '../../../../db/rows.ts'
import { roleName, typeName } from './schema.ts'
import { addressOn } from '../../shared/address.ts'
import {
  accountIdOf,
  alsoInSnakeCase,
  anyId,
  channelOf,
  object,
  text,
} from '../../shared/fields.ts'

/** Who comes into a conversation: exactly one of the three says who it is. */
const person = z.strictObject({
  customerId: anyId('customerId').nullish(),
  accountId: accountIdOf('accountId').nullish().describe('An account of ours'),
  address: text('address', 255)
    .nullish()
    .describe("On the conversation's channel; its customer is made if there is none"),
  role: roleName.default('member'),
  metadata: object('metadata').default({}),
})

function refine<T extends typeof person>(schema: T) {
  return schema.refine(
    ({ customerId, accountId, address }) =>
      [customerId, accountId, address].filter((one) => one !== null && one !== undefined).length ===
      1,
    { message: 'Give customerId, accountId or address, and one of them', path: ['customerId'] },
  )
}

/** The body of `POST /conversations/{id}/participants`. */
export const newParticipant = alsoInSnakeCase(refine(person))
export type NewParticipantBody = z.output<typeof newParticipant>

/** The body of `POST /conversations`. */
export const newConversation = alsoInSnakeCase(
  z.strictObject({
    type: typeName.default('direct'),
    accountId: accountIdOf('accountId').nullish(),
    channel: channelOf().nullish().describe('Its default account; where no accountId is given'),
    customerId: anyId('customerId').nullish().describe('Of a direct conversation'),
    address: text('address', 255).nullish().describe('Of a direct conversation, for customerId'),
    externalId: text('externalId', 255).nullish(),
    groupName: text('groupName', 255).nullish(),
    groupAvatar: text('groupAvatar', 2048).nullish(),
    groupMetadata: object('groupMetadata').default({}),
    participants: z
      .array(
        z.preprocess(
          (value) => (typeof value === 'string' ? { customerId: value } : value),
          newParticipant,
        ),
      )
      .max(1000, 'participants must be 1000 at most')
      .default([])
      .describe('Customer ids, or objects. Of a direct conversation: its one customer'),
  }),
)
export type NewConversationBody = z.output<typeof newConversation>

/**
 * Opens a conversation, or finds the direct one that the customer and the account have.
 * @throws NotFoundError `account_unknown`, `customer_unknown`; InvalidInputError `account_missing`, `direct_has_one_customer`;
 *   ConflictError `conversation_exists`; what the database raises, also when the transaction commits
 */
export async function openConversation(
  tx: Transaction,
  tenantId: number,
  body: NewConversationBody,
): Promise<{ row: ConversationRow; created: boolean }> {
  const account = await chooseAccount(tx, tenantId, body)
  const isDirect = body.type === 'direct'
  const { customerId, address } = body
  const main =
    customerId || address ? [{ customerId, address, role: 'member' as const, metadata: {} }] : []
  const people = await findPeople(tx, tenantId, account.channel, [...main, ...body.participants])
  if (isDirect ? !isOnePair(people, account.id) : main.length > 0) {
    const message = isDirect
      ? 'A direct conversation has one customer and the account'
      : 'Only a direct conversation has one customer'
    throw new InvalidInputError(message, {
      code: 'direct_has_one_customer',
      field:
        main.length > 0 && !isDirect ? (customerId ? 'customerId' : 'address') : 'participants',
      hint: isDirect
        ? 'Give customerId, or use type multi or group.'
        : 'Give the customers as participants.',
    })
  }
  const members = people.map((one) => one.customerId ?? one.accountId)
  if (!isDirect && new Set(members).size < members.length) {
    throw new InvalidInputError('Each participant is in a conversation once', {
      code: 'participant_twice',
      field: 'participants',
    })
  }
  const given = {
    tenantId,
    type: body.type,
    accountId: account.id,
    customerId: isDirect ? (people.find((one) => one.customerId)?.customerId ?? null) : null,
    externalId: body.externalId ?? null,
    groupName: body.groupName ?? null,
    groupAvatar: body.groupAvatar ?? null,
    groupMetadata: body.groupMetadata,
  }
  const created = await createConversation(tx, given)
  if (created) {
    if (!isDirect) await addParticipants(tx, tenantId, created.id, people)
    return { row: created, created: true }
  }
  const row = isDirect ? await findInPlace(tx, given) : null
  if (!row) {
    throw new ConflictError(`The account has a conversation ${given.externalId} already`, {
      code: 'conversation_exists',
      field: 'externalId',
    })
  }
  return { row, created: false }
}

function isOnePair(people: NewParticipant[], accountId: string): boolean {
  const customers = new Set(people.flatMap((one) => one.customerId ?? []))
  return customers.size === 1 && people.every((one) => (one.accountId ?? accountId) === accountId)
}

async function chooseAccount(
  tx: Transaction,
  tenantId: number,
  { accountId, channel }: NewConversationBody,
): Promise<AccountRow> {
  const account = accountId
    ? await findAccount(tx, tenantId, accountId)
    : channel
      ? await findDefaultAccount(tx, tenantId, channel)
      : await findOnlyAccount(tx, tenantId)
  if (account && account !== 'several') return account
  if (accountId) {
    throw new NotFoundError(`There is no account ${accountId}`, {
      code: 'account_unknown',
      field: 'accountId',
    })
  }
  throw new InvalidInputError(account ? 'accountId is missing' : 'There is no account', {
    code: 'account_missing',
    field: channel ? 'channel' : 'accountId',
    hint: account
      ? 'There are several accounts: name one, or a channel.'
      : 'Create an account first.',
  })
}

/** Who they are: customers that live, locked, and accounts that there are; in the order given. */
export async function findPeople(
  tx: Transaction,
  tenantId: number,
  channel: string,
  given: Omit<NewParticipantBody, 'accountId'>[] | NewParticipantBody[],
): Promise<NewParticipant[]> {
  const addresses = given.flatMap(({ address }) => (address ? [addressOn(channel, address)] : []))
  const opened = new Map<string, string>()
  // In the order of addresses, as every writer of ours locks.
  for (const address of [...new Set(addresses)].toSorted()) {
    const id = await findOrOpenCustomer(tx, tenantId, channel, address)
    if (id !== null) opened.set(address, id)
  }
  const ids = given.flatMap(({ customerId }) => customerId ?? [])
  const living = await lockCustomers(tx, tenantId, [...ids, ...opened.values()], 'customerId')
  const people: NewParticipant[] = []
  for (const one of given) {
    const accountId = ('accountId' in one ? one.accountId : null) ?? null
    if (accountId && !(await findAccount(tx, tenantId, accountId))) {
      throw new NotFoundError(`There is no account ${accountId}`, {
        code: 'account_unknown',
        field: 'accountId',
      })
    }
    const asked = one.address ? opened.get(addressOn(channel, one.address)) : one.customerId
    const customerId = asked ? (living.get(asked) ?? null) : null
    people.push({ customerId, accountId, role: one.role, metadata: one.metadata })
  }
  return people
}
