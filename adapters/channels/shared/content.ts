/**
 * The fields of a message's `metadata`, the same on every channel, inbound and outbound:
 * - `media`: an array of MediaReference; more files than the one of media_url.
 * - `location`: {latitude, longitude, name?, address?}, with content type `location`.
 * - `contacts`, `interactive` …: what a channel brings as `structured`.
 * - `template`: what the provider calls a template, content or dynamic template; each send.ts says its fields.
 * - `subject`, `html`, `cc`, `bcc`: email.
 */

import { z } from 'zod'
import type {
  ChannelAccount,
  MediaReference,
  OutboundFile,
  OutboundMessage,
  SendOutcome,
} from '../channel.ts'

export const location = z.looseObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  name: z.string().nullish(),
  address: z.string().nullish(),
})
export type Location = z.output<typeof location>

const references = z.array(z.looseObject({ url: z.string().optional(), id: z.string().optional() }))

/** `url` of a file of ours is signed, and there where the internet reaches our storage. */
export type MediaToSend = MediaReference & { file?: OutboundFile }

/**
 * The files to send, in order: those that lie in our storage; where none does, those of `metadata.media`, else the one
 * of `media_url`.
 */
export function mediaOf(
  message: Pick<OutboundMessage, 'mediaUrl' | 'metadata' | 'files'>,
): MediaToSend[] {
  if (message.files && message.files.length > 0) {
    return message.files.map((file) => ({
      ...(file.url === null ? {} : { url: file.url }),
      content_type: file.contentType,
      filename: file.filename,
      size: file.size,
      file,
    }))
  }
  const given = references.safeParse(message.metadata['media'])
  if (given.success && given.data.length > 0) return given.data as MediaReference[]
  return message.mediaUrl ? [{ url: message.mediaUrl }] : []
}

/** The location to send; null where `metadata.location` is none. */
export function locationOf(message: Pick<OutboundMessage, 'metadata'>): Location | null {
  return location.safeParse(message.metadata['location']).data ?? null
}

/** Where an account's provider is reached: `settings.api_url` (a proxy, a test server), else the provider's own. */
export function apiUrl(account: ChannelAccount, standard: string): string {
  const given = account.settings['api_url']
  return (typeof given === 'string' && given ? given : standard).replace(/\/+$/, '')
}

export type NotSent = Extract<SendOutcome, { outcome: 'not_sent' }>

/** A message or account that cannot be sent from, found out before any request. */
export function cannotSend(errorCode: string, errorMessage: string): NotSent {
  return { outcome: 'not_sent', retryable: false, errorCode, errorMessage }
}

/** The account lacks what its provider needs: it is disconnected, and its messages wait. */
export function misconfigured(errorMessage: string): NotSent {
  return {
    outcome: 'not_sent',
    retryable: false,
    errorCode: 'account_misconfigured',
    errorMessage,
    account: 'disconnect',
  }
}
