/**
 * What a Baileys process posts: one event of its event map, or an array of them.
 *
 *     {"event": "messages.upsert", "data": {"type": "notify", "messages": [{"key": {…}, "message": {…}, …}]}, "at": …}
 *
 * `at` is ours and optional: when the event came, for events that carry no time of their own (a revoke, a refusal).
 * Source of the shapes: Baileys 7.0.0-rc14, lib/Types/Events.d.ts and Message.d.ts; WAProto for what is inside.
 * Fields that are not named here stay in `raw`. A field that is optional and of a wrong type is passed over: one odd
 * field must not cost a message.
 */

import { z } from 'zod'
import { sanitizeText } from '../../shared/payload.ts'

export const text = z
  .string()
  .transform((value) => sanitizeText(value) || undefined)
  .nullish()
  .catch(undefined)

/** No min() and max(): zod tries them on objects that have a `length`, and throws where that is no number either. */
const id = z
  .string()
  .refine((value) => value !== '', 'must not be empty')
  .refine((value) => value.length <= 255, 'must have 255 characters at most')
  .refine((value) => sanitizeText(value) === value, 'must not hold control characters')

const jid = z
  .string()
  .transform((value) => (value.length > 255 ? undefined : sanitizeText(value) || undefined))
  .nullish()
  .catch(undefined)

export const envelope = z.looseObject({
  event: z.string(),
  data: z.unknown().optional(),
  at: z.union([z.string(), z.number()]).nullish().catch(undefined),
})

/** 7.0 has the Alt fields; 6.7 had senderPn and the like. An Alt may be missing, `participant` may be "". */
export const key = z.looseObject({
  remoteJid: id,
  id,
  fromMe: z.boolean().nullish().catch(undefined),
  participant: jid,
  remoteJidAlt: jid,
  participantAlt: jid,
  senderPn: jid,
  senderLid: jid,
  participantPn: jid,
  participantLid: jid,
  isViewOnce: z.boolean().nullish().catch(undefined),
})
export type Key = z.output<typeof key>

/** WebMessageInfo. */
export const info = z.looseObject({
  key,
  message: z.unknown().optional(),
  messageTimestamp: z.unknown().optional(),
  messageStubType: z.unknown().optional(),
  messageStubParameters: z.unknown().optional(),
  status: z.unknown().optional(),
  pushName: text,
  verifiedBizName: text,
  participant: jid,
  userReceipt: z.unknown().optional(),
  reactions: z.unknown().optional(),
  messageSecret: z.unknown().optional(),
})
export type Info = z.output<typeof info>

export const messageUpdate = z.looseObject({
  key,
  update: z.looseObject({
    message: z.unknown().optional(),
    messageTimestamp: z.unknown().optional(),
    messageStubType: z.unknown().optional(),
    messageStubParameters: z.unknown().optional(),
    status: z.unknown().optional(),
  }),
})

export const userReceipt = z.looseObject({
  userJid: jid,
  receiptTimestamp: z.unknown().optional(),
  readTimestamp: z.unknown().optional(),
  playedTimestamp: z.unknown().optional(),
})

export const receiptUpdate = z.looseObject({ key, receipt: userReceipt })

/** `key` here is who reacted, and where. */
export const reaction = z.looseObject({ key, text, senderTimestampMs: z.unknown() })

/** `key` here is the message that was reacted to. */
export const reactionUpdate = z.looseObject({ key, reaction })

export const group = z.looseObject({
  id,
  subject: text,
  desc: text,
  owner: text,
  announce: z.boolean().nullish().catch(undefined),
  restrict: z.boolean().nullish().catch(undefined),
  size: z.number().nullish().catch(undefined),
  addressingMode: text,
  ephemeralDuration: z.number().nullish().catch(undefined),
  participants: z.unknown().optional(),
})

/** 7.0 has `phoneNumber`, 6.7 had `jid`. A participant of a group has the same names. */
export const contact = z.looseObject({
  id: jid,
  lid: jid,
  phoneNumber: jid,
  jid,
  name: text,
  notify: text,
  verifiedName: text,
})

export const chat = z.looseObject({ id: jid, name: text, lidJid: jid, pnJid: jid })

export const lidMapping = z.looseObject({ lid: jid, pn: jid, jid })
