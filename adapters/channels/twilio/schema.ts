/**
 * What Twilio posts to a messaging webhook: form fields, all of them strings. New ones come unannounced; those that are
 * not named here stay in `raw`. Sources: twilio.com/docs/messaging/guides/webhook-request (messages) and
 * twilio.com/docs/messaging/guides/track-outbound-message-status (status callbacks).
 */

import { z } from 'zod'
import { sanitizeText } from '../shared/payload.ts'
import { readAddress } from './addresses.ts'
import { type Fields, firstValue } from './form.ts'

const text = z.string().transform(sanitizeText).optional()

/** Kept to the letter: what is changed in an id makes two messages of one. */
const sid = z
  .string()
  .max(255, 'must have 255 characters at most')
  .refine((value) => sanitizeText(value) === value, 'must not hold control characters')

const address = z
  .string()
  .max(255, 'must have 255 characters at most')
  .transform((value) => readAddress(sanitizeText(value)))
  .refine((read) => read.address !== '', 'must name somebody')

const status = text.transform((value) => value?.trim().toLowerCase())

const common = { MessageSid: sid }

export const message = z.looseObject({
  ...common,
  From: address,
  To: address,
  Body: text,
  /** text, image, video, audio, document, location, contacts, button, interactive …; WhatsApp only. */
  MessageType: text,
  NumMedia: text,
  MessagingServiceSid: text,
  /** The name on a WhatsApp profile. */
  ProfileName: text,
  /** WhatsApp's id of the sender: the digits of a phone. */
  WaId: text,
  /** The sender's business-scoped id (`whatsapp:US.…`), beside a phone or in its place. */
  ExternalUserId: address.optional().catch(undefined),
  /** STOP, START or HELP, where the messaging service's Advanced Opt-Out took it for one. */
  OptOutType: text,
  Latitude: text,
  Longitude: text,
  /** Of a location. */
  Address: text,
  Label: text,
  ButtonText: text,
  ButtonPayload: text,
  ListId: text,
  ListTitle: text,
  ListDescription: text,
  /** JSON: what somebody filled in, in a WhatsApp Flow. */
  InteractiveData: text,
  FlowData: text,
  Forwarded: text,
  FrequentlyForwarded: text,
  OriginalRepliedMessageSid: sid.optional().catch(undefined),
  FromCity: text,
  FromState: text,
  FromZip: text,
  FromCountry: text,
})
export type Message = z.output<typeof message>

export const callback = z.looseObject({
  ...common,
  MessageStatus: status,
  /** The same as MessageStatus, and all that old callbacks have. */
  SmsStatus: status,
  From: address.optional().catch(undefined),
  To: address.optional().catch(undefined),
  ExternalUserId: address.optional().catch(undefined),
  ErrorCode: text,
  ErrorMessage: text,
  /** What WhatsApp said, of a message that failed. */
  ChannelStatusMessage: text,
  // RawDlrDoneDate is not among them: a carrier's local time without a time zone, to the minute, is of no use.
})

/** The fields as the schemas take them: each its first value, empty ones left out, the id under its present name. */
export function toPayload(fields: Fields): Record<string, string> {
  const payload: Record<string, string> = {}
  for (const name of Object.keys(fields)) {
    const value = firstValue(fields, name)
    if (value !== undefined && name !== '__proto__') payload[name] = value
  }
  const id = payload['MessageSid'] ?? payload['SmsMessageSid'] ?? payload['SmsSid']
  return id === undefined ? payload : { ...payload, MessageSid: id }
}
