/** Accounts, to and from rows. */

import { z } from 'zod'
import { InvalidInputError } from '../../../../db/errors.ts'
import type { AccountChange } from '../../../../db/accounts/save.ts'
import type { AccountDetailRow } from '../../../../db/rows.ts'
import { ownAddressOn } from '../../shared/address.ts'
import { channelOf, object, text } from '../../shared/fields.ts'
import { time } from '../messages/schema.ts'

const count = (field: string, min: number) =>
  z
    .int(`${field} must be a whole number`)
    .min(min, `${field} must be ${min} or more`)
    .max(2_147_483_647, `${field} must be 2147483647 at most`)

/**
 * The name of a secret. What an account sends with reaches the host that its settings name, so over HTTP a tenant has
 * only names of its own, `env:TENANT_<its number>_…`; any other variable or file is given by an operator, with SQL.
 */
const secretRef = z
  .string()
  .max(1024, 'secretRef must have 1024 characters at most')
  .regex(
    /^env:TENANT_[1-9][0-9]*_[A-Za-z0-9_]+$/,
    "secretRef must be env:TENANT_<number>_NAME with the tenant's number, the name of a secret and never the secret",
  )

/** Whether a secret is one that the tenant itself may name. */
export function isOwnSecret(tenantId: number, secret: string): boolean {
  return secret.startsWith(`env:TENANT_${tenantId}_`)
}

const fields = {
  address: text('address', 255).nullish().describe('Ours: the number, mailbox or bot'),
  name: text('name', 255).nullish(),
  provider: text('provider', 64).nullish(),
  settings: object('settings').optional().describe('In place of what is there'),
  secretRef: secretRef.nullish(),
  ratePerMinute: count('ratePerMinute', 1).nullish().describe('Null: unlimited'),
  burst: count('burst', 1).optional(),
  dailyLimit: count('dailyLimit', 0).nullish().describe('Null: unlimited'),
  timeZone: text('timeZone', 64).optional().describe('Of its day, such as Europe/Berlin'),
  isDefault: z.boolean('isDefault must be true or false').optional(),
}

export const newAccount = z.strictObject({ channel: channelOf(), ...fields })
export const accountChange = z.strictObject(fields)

/** The columns that a body sets. @throws InvalidInputError `phone_invalid`, `secret_not_yours` */
export function toColumns(
  tenantId: number,
  channel: string,
  {
    address,
    secretRef,
    ratePerMinute,
    dailyLimit,
    timeZone,
    isDefault,
    ...same
  }: z.output<typeof accountChange>,
): AccountChange {
  if (secretRef && !isOwnSecret(tenantId, secretRef)) {
    throw new InvalidInputError(`secretRef must begin with env:TENANT_${tenantId}_`, {
      code: 'secret_not_yours',
      field: 'secretRef',
      hint: 'An operator sets any other name, with SQL.',
    })
  }
  const given = {
    ...same,
    address: address ? ownAddressOn(channel, address) : address,
    secret_ref: secretRef,
    rate_per_minute: ratePerMinute,
    daily_limit: dailyLimit,
    time_zone: timeZone,
    is_default: isDefault,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

export const accountShape = z
  .object({
    id: z.uuid(),
    channel: z.string(),
    address: z.string().nullable(),
    name: z.string().nullable(),
    provider: z.string().nullable(),
    status: z.enum(['connected', 'disconnected', 'disabled']),
    statusReason: z.string().nullable(),
    isDefault: z.boolean(),
    ratePerMinute: z.int().nullable(),
    burst: z.int(),
    dailyLimit: z.int().nullable(),
    timeZone: z.string(),
    settings: z.record(z.string(), z.unknown()),
    secretRef: z.string().nullable().describe('The name of a secret, never the secret'),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Account' })

export function toAccountShape(row: AccountDetailRow): z.infer<typeof accountShape> {
  return {
    id: row.id,
    channel: row.channel,
    address: row.address,
    name: row.name,
    provider: row.provider,
    status: row.status,
    statusReason: row.status_reason,
    isDefault: row.is_default,
    ratePerMinute: row.rate_per_minute,
    burst: row.burst,
    dailyLimit: row.daily_limit,
    timeZone: row.time_zone,
    settings: row.settings,
    secretRef: row.secret_ref,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

export const limitsShape = z
  .object({
    ratePerMinute: z.int().nullable(),
    burst: z.int(),
    dailyLimit: z.int().nullable(),
    timeZone: z.string(),
    today: z.object({
      day: z.string().describe("The account's local date"),
      accepted: z.int().nullable().describe('Null where no daily limit has it counted'),
      remaining: z.int().nullable(),
      nextDayAt: time,
    }),
  })
  .meta({ id: 'AccountLimits' })

export const healthShape = z
  .object({
    status: accountShape.shape.status,
    statusReason: z.string().nullable(),
    isConnected: z.boolean(),
    provider: z.string().nullable(),
    breaker: z
      .object({
        state: z.enum(['closed', 'open']),
        failures: z.int(),
        openUntil: time.nullable(),
        lastError: z.string().nullable(),
      })
      .describe(
        'Of its provider; open: nothing is sent by it but one try at a time after openUntil',
      ),
    oldestWaitingSeconds: z
      .number()
      .nullable()
      .describe('For how long the oldest of those queued could have been sent; null where none is'),
  })
  .meta({ id: 'AccountHealth' })
