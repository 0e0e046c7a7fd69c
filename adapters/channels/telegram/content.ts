import type { ContentType, MediaReference } from '../channel.ts'
import { storable } from '../shared/payload.ts'
import type { File, Message } from './schema.ts'

export type Content = {
  contentType: ContentType
  body: string | null
  media?: MediaReference[]
  metadata: Record<string, unknown>
  /** Service messages, which nobody wrote: a member joined, a title changed. */
  service?: boolean
}

/**
 * Fields that carry one file, in the order to look: an animation comes with a `document` of the same file beside it, and
 * a live photo is a video. Types stand for files that come without one (photos and stickers never have one).
 */
const files = [
  ['animation', 'video', 'video/mp4'],
  ['audio', 'audio', undefined],
  ['document', 'file', undefined],
  ['live_photo', 'video', 'video/mp4'],
  ['sticker', 'image', 'image/webp'],
  ['video', 'video', undefined],
  ['video_note', 'video', 'video/mp4'],
  ['voice', 'audio', 'audio/ogg'],
] as const

/** Service messages, from the list under https://core.telegram.org/bots/api#message. */
const services = new Set(
  `new_chat_members left_chat_member new_chat_title new_chat_photo delete_chat_photo group_chat_created
  supergroup_chat_created channel_chat_created message_auto_delete_timer_changed pinned_message successful_payment
  refunded_payment connected_website write_access_allowed proximity_alert_triggered boost_added chat_background_set
  chat_owner_left chat_owner_changed forum_topic_created forum_topic_edited forum_topic_closed forum_topic_reopened
  general_forum_topic_hidden general_forum_topic_unhidden giveaway_created giveaway_completed video_chat_scheduled
  video_chat_started video_chat_ended video_chat_participants_invited paid_message_price_changed
  direct_message_price_changed checklist_tasks_done checklist_tasks_added poll_option_added poll_option_deleted
  suggested_post_approved suggested_post_approval_failed suggested_post_declined suggested_post_paid
  suggested_post_refunded community_chat_added community_chat_removed community_chat_joined`.split(
    /\s+/,
  ),
)

/** Fields that say nothing of what a message brings. */
const around = new Set(
  `message_id message_thread_id direct_messages_topic from sender_chat sender_boost_count sender_business_bot sender_tag
  date business_connection_id guest_query_id chat forward_origin is_topic_message is_automatic_forward reply_to_message
  external_reply quote reply_to_story reply_to_checklist_task_id reply_to_poll_option_id via_bot edit_date
  has_protected_content is_from_offline is_paid_post media_group_id author_signature paid_star_count entities
  link_preview_options suggested_post_info effect_id caption caption_entities show_caption_above_media
  has_media_spoiler reply_markup receiver_user ephemeral_message_id guest_bot_caller_user guest_bot_caller_chat
  forward_from forward_from_chat forward_from_message_id forward_signature forward_sender_name forward_date`.split(
    /\s+/,
  ),
)

/** What a message says. What is not known becomes `structured`, named by its field. */
export function readContent(message: Message): Content {
  if (typeof message.text === 'string') {
    return { contentType: 'text', body: message.text, metadata: {} }
  }
  return readFile(message) ?? readPlace(message) ?? readStructured(message)
}

function readFile(message: Message): Content | null {
  const caption = message.caption ?? null
  const largest = message.photo?.toSorted((a, b) => area(a) - area(b)).at(-1)
  if (largest) {
    return {
      contentType: 'image',
      body: caption,
      media: [media(largest, 'image/jpeg')],
      metadata: {},
    }
  }
  for (const [field, contentType, standard] of files) {
    const found = message[field]
    if (!found) continue
    const type = found.is_animated
      ? 'application/x-tgsticker'
      : found.is_video
        ? 'video/webm'
        : standard
    const emoji = message.sticker?.emoji
    return {
      contentType,
      body: caption,
      media: [media(found, type)],
      metadata: { type: field, ...(emoji ? { emoji } : {}) },
    }
  }
  return null
}

function area(file: File): number {
  return (file.width ?? 0) * (file.height ?? 0)
}

/** Without a URL: the one to fetch a file from holds the bot's token. It is asked for with getFile, by the id. */
function media(file: File, standard: string | undefined): MediaReference {
  const type = file.mime_type ?? standard
  const details = Object.fromEntries(
    (['file_unique_id', 'width', 'height', 'duration'] as const).flatMap((name) =>
      file[name] === null || file[name] === undefined ? [] : [[name, file[name]]],
    ),
  )
  return {
    id: file.file_id,
    ...(type ? { content_type: type } : {}),
    ...(file.file_name ? { filename: file.file_name } : {}),
    ...(typeof file.file_size === 'number' ? { size: file.file_size } : {}),
    ...(Object.keys(details).length > 0 ? { details } : {}),
  }
}

/** A venue comes with a `location` of the same place beside it. */
function readPlace({ venue, location }: Message): Content | null {
  const place = venue?.location ?? location
  if (!place) return null
  const { latitude, longitude, live_period } = place
  const said = {
    latitude,
    longitude,
    ...(venue?.title ? { name: venue.title } : {}),
    ...(venue?.address ? { address: venue.address } : {}),
    ...(live_period ? { live_period } : {}),
  }
  return { contentType: 'location', body: null, metadata: { location: said } }
}

function readStructured(message: Message): Content {
  const { contact, poll, dice, web_app_data: app } = message
  const structured = (type: string, body: string | null, more: object = {}): Content => ({
    contentType: 'structured',
    body,
    metadata: { type, ...more },
  })
  if (contact) return structured('contact', null, { contacts: [storable(contact)] })
  if (poll) return structured('poll', poll.question ?? null, { poll: storable(poll) })
  if (dice) return structured('dice', dice.emoji ?? null, { dice: storable(dice) })
  if (app) return structured('web_app_data', app.data ?? null)
  const brought = Object.keys(message).filter(
    (field) => !around.has(field) && (message[field] ?? null) !== null,
  )
  const service = brought.find((field) => services.has(field))
  if (service) return { ...structured(service, null), service: true }
  return structured(String(storable(brought[0] ?? 'unknown')), message.caption ?? null)
}
