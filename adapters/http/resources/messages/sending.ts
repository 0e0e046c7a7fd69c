import { z } from 'zod'
import { AccountUnusableError } from '../../../../db/errors.ts'
import type { AccountRow } from '../../../../db/rows.ts'
import { channelName } from './schema.ts'

/** Of every route that sends. */
export const idempotencyHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, 'Idempotency-Key must be 1 to 255 characters of ASCII')
    .optional()
    .describe('Makes a repeated request safe: the same key and body answer the same'),
})

/** @throws AccountUnusableError in document 004's words, "WhatsApp account is not connected" */
export function checkConnected(account: AccountRow, field: string): void {
  if (account.status === 'connected') return
  const disabled = account.status === 'disabled'
  throw new AccountUnusableError(
    `${channelName(account.channel)} account is ${disabled ? 'disabled' : 'not connected'}`,
    { code: disabled ? 'account_disabled' : 'account_not_connected', field },
  )
}
