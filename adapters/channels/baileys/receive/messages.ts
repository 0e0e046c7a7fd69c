/** One WebMessageInfo: a message, or an update of another one that comes in a message's form. */

import { type InboundMessage, type InboundUpdate, UnreadablePayload } from '../../channel.ts'
import { readPayload, storable } from '../../shared/payload.ts'
import { actorOf, type Place, placeOf } from '../address.ts'
import { read, string } from './content.ts'
import { type Batch, type BatchContext, emptyBatch } from './batch.ts'
import { attemptIdOf } from '../message-id.ts'
import { reactionUpdates, receiptsOf, statusUpdate, targetOf } from './receipts.ts'
import { type Info, info as infoSchema } from './schema.ts'
import { parametersOf, type Stub, stubFacts, stubOf } from './stubs.ts'
import { type Content, unwrap } from './unwrap.ts'
import { asList, asObject, toBase64, toEnum, toMoment } from '../values.ts'

/** WAProto, Message.ProtocolMessage.Type: the two that are about a message. */
const protocolTypes = { REVOKE: 0, MESSAGE_EDIT: 14 }

/**
 * Actions on other messages, and what is encrypted for a device that has the original's secret. An encrypted edit
 * (`secretEncryptedMessage`) is kept in the inbox; the original's secret is in its metadata.
 */
const noMessages = new Set([
  'pollUpdateMessage',
  'encReactionMessage',
  'encEventResponseMessage',
  'keepInChatMessage',
  'pinInChatMessage',
  'secretEncryptedMessage',
  'stickerSyncRmrMessage',
  'scheduledCallEditMessage',
  'messageHistoryNotice',
])

/** @throws UnreadablePayload */
export function readInfo(value: unknown, context: BatchContext): Batch {
  const info = readPayload(infoSchema, value)
  const place = placeOf(info.key, context.own, info.participant)
  if (!place) return emptyBatch()
  const content = unwrap(info.message)
  if (!content) return readEmpty(info, place, value, context)
  switch (content.kind) {
    case 'protocolMessage':
      return { ...emptyBatch(), updates: protocolUpdates(info, place, content, context) }
    case 'reactionMessage':
      return { ...emptyBatch(), updates: reactionOf(info, place, content, context) }
    default:
      if (noMessages.has(content.kind)) return emptyBatch()
  }
  const said = read(content)
  const message: InboundMessage = {
    ...base(info, place, value, context),
    contentType: said.contentType,
    body: said.body,
    ...(said.media ? { media: said.media } : {}),
    ...(said.replyTo ? { replyTo: said.replyTo } : {}),
  }
  const secret = toBase64(info.messageSecret)
  const metadata = {
    ...(secret ? { message_secret: secret } : {}),
    ...said.metadata,
    ...message.metadata,
  }
  return {
    ...emptyBatch(),
    messages: [{ ...message, metadata }],
    updates: absorbedUpdates(info, place, context),
  }
}

/** @throws UnreadablePayload where it has no time, or is nested too deeply to be stored. */
function base(info: Info, place: Place, raw: unknown, context: BatchContext) {
  const sentAt = toMoment(info.messageTimestamp)
  if (!sentAt) {
    throw new UnreadablePayload('messageTimestamp', 'messageTimestamp is missing or no time')
  }
  const name = info.pushName ?? info.verifiedBizName
  const groupName = place.group ? context.groupNames.get(place.group) : undefined
  const reference = place.fromMe ? attemptIdOf(info.key.id) : null
  return {
    direction: place.fromMe ? ('outbound' as const) : ('inbound' as const),
    address: place.person?.address ?? null,
    ...(place.person?.alternateAddress ? { alternateAddress: place.person.alternateAddress } : {}),
    ...(place.group ? { conversationExternalId: place.group } : {}),
    ...(groupName ? { groupName } : {}),
    externalMessageId: info.key.id,
    ...(reference ? { reference } : {}),
    sentAt,
    ...(name && !place.fromMe ? { senderName: name } : {}),
    metadata: context.origin === 'notify' ? {} : { origin: context.origin },
    raw: storable(raw),
  }
}

/** Without content: not decrypted yet, deleted, a notice of WhatsApp, or keys that no chat shows. */
function readEmpty(info: Info, place: Place, value: unknown, context: BatchContext): Batch {
  const stub = stubOf(info.messageStubType)
  const hasKeysOnly = asObject(info.message) !== null && stub.name === 'UNKNOWN'
  if (stub.kind === 'silent' || (hasKeysOnly && stub.kind === 'undecrypted')) return emptyBatch()
  if (stub.kind === 'revoked') {
    const at = toMoment(info.messageTimestamp)?.toISOString() ?? context.at
    return {
      ...emptyBatch(),
      updates: [{ ...targetOf(info.key.id, place), update: { kind: 'revoke', at } }],
    }
  }
  const parameters = parametersOf(info.messageStubParameters).map((text) => string(text) ?? '')
  const message = base(info, place, value, context)
  const metadata = {
    ...message.metadata,
    stub: stubFacts(stub, parameters),
    ...(info.key.isViewOnce ? { view_once: true } : {}),
  }
  if (stub.kind === 'undecrypted') {
    const empty = {
      ...message,
      contentType: 'structured' as const,
      body: null,
      stub: true,
      metadata,
    }
    return {
      ...emptyBatch(),
      messages: [empty],
      updates: absorbedUpdates(info, place, context),
    }
  }
  const notice = { contentType: 'structured' as const, body: null, metadata }
  return {
    ...emptyBatch(),
    messages: [{ ...message, direction: 'system', ...notice }],
    groups: subjectOf(stub, place, parameters),
  }
}

function subjectOf(stub: Stub, place: Place, [name]: string[]): Batch['groups'] {
  const named = stub.name === 'GROUP_CHANGE_SUBJECT' || stub.name === 'GROUP_CREATE'
  return named && place.group && name ? [{ externalId: place.group, name }] : []
}

/**
 * A revoke or an edit. It comes with an id of its own and is no message; Baileys tells of it once more as
 * `messages.update`, with times in seconds, so that both say the same.
 */
function protocolUpdates(
  info: Info,
  place: Place,
  { part }: Content,
  context: BatchContext,
): InboundUpdate[] {
  const protocol = asObject(part)
  const id = asObject(protocol?.['key'])?.['id']
  const type = toEnum(protocol?.['type'], protocolTypes)
  if (typeof id !== 'string' || id === '') return []
  if (type === protocolTypes.REVOKE) {
    const at = momentOf(toMoment(info.messageTimestamp), context)
    return [{ ...targetOf(id, place), update: { kind: 'revoke', at } }]
  }
  if (type !== protocolTypes.MESSAGE_EDIT) return []
  const edited = unwrap(protocol?.['editedMessage'])
  if (!edited) return []
  const at = momentOf(
    toMoment(protocol?.['timestampMs']) ?? toMoment(info.messageTimestamp),
    context,
  )
  return [{ ...targetOf(id, place), update: { kind: 'edit', body: read(edited).body ?? '', at } }]
}

/** To the second, as Baileys cuts it. */
function momentOf(moment: Date | null, context: BatchContext): string {
  return moment ? new Date(Math.floor(moment.getTime() / 1000) * 1000).toISOString() : context.at
}

function reactionOf(
  info: Info,
  place: Place,
  { part }: Content,
  context: BatchContext,
): InboundUpdate[] {
  const reaction = asObject(part)
  const id = asObject(reaction?.['key'])?.['id']
  if (typeof id !== 'string' || id === '') return []
  const moment = toMoment(reaction?.['senderTimestampMs']) ?? toMoment(info.messageTimestamp)
  const update = {
    kind: 'reaction' as const,
    emoji: string(reaction?.['text']),
    sender: actorOf(place, context.account),
    at: moment?.toISOString() ?? context.at,
  }
  return [{ ...targetOf(id, place), update }]
}

/**
 * While Baileys buffers its events it folds updates into a message that has not been handed out yet (lib/Utils/
 * event-buffer.js): a status, receipts and reactions then come in the message and nowhere else. In the history too.
 */
function absorbedUpdates(info: Info, place: Place, context: BatchContext): InboundUpdate[] {
  const where = targetOf(info.key.id, place)
  const status = place.fromMe
    ? statusUpdate(info.status, info.messageTimestamp, info.messageStubParameters, context)
    : null
  return [
    ...(status && status.status !== 'sent' ? [{ ...where, update: status }] : []),
    ...asList(info.userReceipt).flatMap((receipt) => receiptsOf(receipt, place, where, context)),
    ...asList(info.reactions).flatMap((reaction) =>
      reactionUpdates(info.key.id, reaction, context),
    ),
  ]
}
