import type { ContentType, InboundMessage, MediaReference } from '../channel.ts'
import { type Location, location as locationSchema } from '../shared/content.ts'
import { sanitizeText } from '../shared/payload.ts'
import { type Fields, firstValue } from './form.ts'
import type { Message } from './schema.ts'

/** By the MessageType of WhatsApp. What is not here (contacts, order, unsupported …) is structured. */
const contentTypes: Record<string, ContentType> = {
  text: 'text',
  image: 'image',
  sticker: 'image',
  audio: 'audio',
  voice: 'audio',
  video: 'video',
  document: 'file',
}

/**
 * MediaUrl0, MediaUrl1 … with their MediaContentTypeN. NumMedia is not asked: what has a URL is there. Fetching one
 * takes the account's basic authentication where that is enforced.
 */
export function readMedia(fields: Fields): MediaReference[] {
  return Object.keys(fields)
    .flatMap((name) => {
      const number = /^MediaUrl(\d{1,4})$/.exec(name)?.[1]
      const url = sanitizeText(firstValue(fields, name) ?? '')
      return number && url ? [{ number, url }] : []
    })
    .toSorted((a, b) => Number(a.number) - Number(b.number))
    .map(({ number, url }) => {
      const contentType = sanitizeText(firstValue(fields, `MediaContentType${number}`) ?? '')
      const id = /\/Media\/(ME[0-9a-f]{32})$/i.exec(url)?.[1]
      return { ...(id ? { id } : {}), url, ...(contentType ? { content_type: contentType } : {}) }
    })
}

/** What a message says, and what else is worth a place in its metadata. */
export function describeContent(
  read: Message,
  media: MediaReference[],
): Pick<InboundMessage, 'contentType' | 'body' | 'metadata'> {
  const location = readLocation(read)
  const interactive = readInteractive(read)
  const type = read.From.channel === 'whatsapp' ? read.MessageType?.toLowerCase() : undefined
  const contentType = contentTypeOf(type ?? 'text', media, location, interactive)
  const referral = readReferral(read)
  const geo = compact({
    city: read.FromCity,
    state: read.FromState,
    zip: read.FromZip,
    country: read.FromCountry,
  })
  const metadata = compact({
    type: contentType === 'structured' ? type : undefined,
    location: location ?? undefined,
    interactive,
    opt_out_type: read.OptOutType,
    forwarded: read.Forwarded === 'true' || undefined,
    frequently_forwarded: read.FrequentlyForwarded === 'true' || undefined,
    referral,
    geo,
    messaging_service_sid: read.MessagingServiceSid,
  })
  const body = read.Body || (contentType === 'text' ? '' : null)
  return { contentType, body, ...(metadata ? { metadata } : {}) }
}

function contentTypeOf(
  type: string,
  media: MediaReference[],
  location: Location | null,
  interactive: object | undefined,
): ContentType {
  if (location) return 'location'
  const [first] = media
  if (first) {
    const kind = first.content_type?.split('/')[0]?.toLowerCase()
    return kind === 'image' || kind === 'audio' || kind === 'video' ? kind : 'file'
  }
  if (interactive) return 'structured'
  return (Object.hasOwn(contentTypes, type) ? contentTypes[type] : undefined) ?? 'structured'
}

/** Null where there is none, or its coordinates are no place on earth: it is structured then. */
function readLocation(read: Message): Location | null {
  if (!read.Latitude || !read.Longitude) return null
  const found = locationSchema.safeParse({
    latitude: Number(read.Latitude),
    longitude: Number(read.Longitude),
    ...(read.Label ? { name: read.Label } : {}),
    ...(read.Address ? { address: read.Address } : {}),
  })
  return found.data ?? null
}

/** What was tapped: a quick reply, a row of a list, a flow that was filled in. */
function readInteractive(read: Message): Record<string, unknown> | undefined {
  if (read.ListId || read.ListTitle) {
    const { ListId: id, ListTitle: title, ListDescription: description } = read
    return compact({ type: 'list', id, title, description })
  }
  if (read.ButtonText || read.ButtonPayload) {
    return compact({ type: 'button', text: read.ButtonText, payload: read.ButtonPayload })
  }
  const data = read.InteractiveData ?? read.FlowData
  return data ? { type: 'flow', data } : undefined
}

/** Of a message that began at an advertisement: ReferralHeadline is `headline`, and so on. */
function readReferral(read: Message): Record<string, unknown> | undefined {
  const found = Object.entries(read).flatMap(([name, value]) =>
    /^Referral[A-Z]\w*$/.test(name) && name !== 'ReferralNumMedia' && typeof value === 'string'
      ? [[snakeCase(name.slice('Referral'.length)), sanitizeText(value)] as const]
      : [],
  )
  return compact(Object.fromEntries(found))
}

function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])([A-Z])/g, '_$1').toLowerCase()
}

/** Without what is undefined; undefined where nothing is left. */
function compact(values: Record<string, unknown>): Record<string, unknown> | undefined {
  const left = Object.entries(values).filter(([, value]) => value !== undefined)
  return left.length > 0 ? Object.fromEntries(left) : undefined
}
