import { z } from 'zod'
import type { ChannelAccount } from '../channel.ts'
import { apiUrl } from '../shared/content.ts'

/** An account's settings for Meta's Graph API. */
export const settings = z.object({
  /** Of the number that sends; digits. */
  phone_number_id: z
    .union([z.string(), z.int()], 'is missing')
    .transform(String)
    .refine((value) => /^\d+$/.test(value), 'must be digits'),
  /** Of the Graph API. Meta's documents of 2026 use v25.0; a version lives two years at least. */
  api_version: z
    .string()
    .regex(/^v\d+\.\d+$/, 'must be like v25.0')
    .default('v25.0'),
})

export function graphUrl(account: ChannelAccount, path: string): string {
  return `${apiUrl(account, 'https://graph.facebook.com')}/${path}`
}
