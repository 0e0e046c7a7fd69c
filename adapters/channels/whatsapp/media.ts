import { z } from 'zod'
import {
  type LocateContext,
  type MediaReference,
  type MediaSource,
  MediaUnavailable,
  type OutboundFile,
} from '../channel.ts'
import type { NotSent } from '../shared/content.ts'
import { type HttpAnswer, sendRequest } from '../shared/http-request.ts'
import { accountLacks, ask, atUrl, gone, unavailable, unreadable } from '../shared/fetch-media.ts'
import { multipart } from '../shared/multipart.ts'
import { readSecrets } from '../../shared/secrets.ts'
import { readError } from './errors.ts'
import { graphUrl, settings } from './settings.ts'
import { mainSecret } from './verify.ts'

const located = z.looseObject({ url: z.url({ protocol: /^https?$/ }) })
const uploaded = z.looseObject({ id: z.string().min(1) })

/**
 * The id leads to a URL that lives for five minutes and wants the token too, as do those that a webhook brings. (Without
 * a User-Agent that names somebody, Meta's download server answers some clients with an error page.) An id in a webhook
 * lives for seven days.
 * Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
 * @throws MediaUnavailable
 */
export async function locate(
  reference: MediaReference,
  { account, signal }: LocateContext,
): Promise<MediaSource> {
  const { id, url } = reference
  if (!id && !isMetas(url)) return atUrl(reference)
  const { access_token: token } = readSecrets(account.secret, mainSecret)
  if (!token) throw accountLacks('The secret access_token is missing.')
  const headers = { authorization: `Bearer ${token}`, 'user-agent': 'pigeonpost' }
  if (!id) return atUrl(reference, headers)
  const given = settings.partial().safeParse(account.settings)
  if (!given.success)
    throw accountLacks(`settings.${given.error.issues[0]?.path.join('.')} is wrong.`)
  const { phone_number_id: number, api_version: version = 'v25.0' } = given.data
  const query = number ? `?phone_number_id=${number}` : ''
  const address = graphUrl(account, `${version}/${encodeURIComponent(id)}${query}`)
  const answer = await ask({ url: address, method: 'GET', headers, signal })
  if (answer.status < 200 || answer.status >= 300) throw refused(answer)
  const read = located.safeParse(answer.json)
  if (!read.success) throw unreadable('Meta')
  // Other things of Meta's have ids too, and say a URL that somebody chose.
  const own = new URL(address).origin === new URL(read.data.url).origin
  return atUrl(read.data, own || isMetas(read.data.url) ? headers : undefined)
}

/** Meta's file servers. Not its API, which gives the token's holder more than files: any writer of rows could request it. */
function isMetas(url: string | undefined): boolean {
  const { protocol, hostname = '' } = URL.parse(url ?? '') ?? {}
  return protocol === 'https:' && /(^|\.)(fbsbx\.com|whatsapp\.net)$/.test(hostname)
}

/** An id that is unknown or too old is answered like a wrong parameter. */
function refused(answer: HttpAnswer): MediaUnavailable {
  const said = readError(answer)
  if (said?.outcome !== 'not_sent') return unavailable(answer)
  const message = `${said.errorCode}: ${said.errorMessage}`
  if (said.account) return new MediaUnavailable('media_unauthorized', message, true)
  return said.retryable
    ? new MediaUnavailable('provider_unavailable', message, true)
    : gone(message)
}

/**
 * Brings a file of ours to Meta, for a message that names it by the id that comes back. Whatever becomes of it, no
 * message was sent.
 * Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/media-upload-api
 */
export async function upload(
  file: OutboundFile,
  to: { url: string; authorization: string; signal: AbortSignal },
): Promise<string | NotSent> {
  const { url, authorization, signal } = to
  const body = multipart([
    ['messaging_product', 'whatsapp'],
    ['type', file.contentType],
    ['file', file],
  ])
  const outcome = await sendRequest(
    { url, headers: { authorization }, body, signal },
    { readId: ({ json }) => uploaded.safeParse(json).data?.id ?? null, readError },
  )
  if (outcome.outcome === 'sent') return outcome.externalMessageId
  return outcome.outcome === 'ambiguous'
    ? { ...outcome, outcome: 'not_sent', retryable: true }
    : outcome
}
