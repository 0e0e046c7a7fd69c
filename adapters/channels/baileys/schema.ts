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
import { sanitizeText } from '../payload.ts'

export const text = z
  .string()
  .transform((value) => sanitizeText(value) || undefined)
  .nullish()
  .catch(undefined)

const id = z
  .string()
  .min(1, 'must not be empty')
  .max(255, 'must have 255 characters at most')
  .refine((value) => sanitizeText(value) === value, 'must not hold control characters')

const jid = z
  .string()
  .max(255)
  .transform((value) => sanitizeText(value) || undefined)
  .nullish()
  .catch(undefined)

export const envelope = z.looseObject({
  event: z.string().min(1, 'must not be empty'),
  data: z.unknown(),
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
  message: z.unknown(),
  messageTimestamp: z.unknown(),
  messageStubType: z.unknown(),
  messageStubParameters: z.unknown(),
  status: z.unknown(),
  pushName: text,
  verifiedBizName: text,
  participant: jid,
  userReceipt: z.unknown(),
  reactions: z.unknown(),
  messageSecret: z.unknown(),
})
export type Info = z.output<typeof info>

export const messageUpdate = z.looseObject({
  key,
  update: z.looseObject({
    message: z.unknown(),
    messageTimestamp: z.unknown(),
    messageStubType: z.unknown(),
    messageStubParameters: z.unknown(),
    status: z.unknown(),
  }),
})

export const userReceipt = z.looseObject({
  userJid: jid,
  receiptTimestamp: z.unknown(),
  readTimestamp: z.unknown(),
  playedTimestamp: z.unknown(),
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
  participants: z.unknown(),
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
