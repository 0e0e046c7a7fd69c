import {
  type ChannelAccount,
  type LocateContext,
  type MediaReference,
  type MediaSource,
  MediaUnavailable,
} from '../channel.ts'
import { apiUrl } from '../shared/content.ts'
import { accountLacks, atUrl, open, unavailable } from '../shared/fetch-media.ts'
import { readAccess } from './access.ts'

/**
 * A MediaUrl is asked for with the account's credentials and answers with a redirect to a signed address, which takes
 * none. Media of a new webhook may be 404 for a while, so that is retried. Any other address gets no
 * credentials, not even another one of Twilio's: a writer of message rows could otherwise have them sent to its own
 * server, or read what the API tells the account alone (its resource has the auth token in it).
 * Source: twilio.com/docs/messaging/api/media-resource
 * @throws MediaUnavailable
 */
export async function locate(
  reference: MediaReference,
  { account, signal }: LocateContext,
): Promise<MediaSource> {
  const { url } = reference
  if (!url || !isTwilios(url, account)) return atUrl(reference)
  const access = readAccess(account)
  if ('outcome' in access) throw accountLacks(access.errorMessage)
  const { authorization } = access
  const answer = await open({ url, method: 'GET', headers: { authorization }, signal })
  if ('content' in answer) return answer
  const location = answer.headers.get('location')
  if (answer.status >= 300 && answer.status < 400 && location) {
    const to = URL.parse(location, url)?.href ?? ''
    return isTwilios(to, account) ? { url: to, headers: { authorization } } : atUrl({ url: to })
  }
  if (answer.status === 404) {
    throw new MediaUnavailable(
      'media_not_there',
      'Twilio does not have the file, or not yet.',
      true,
    )
  }
  throw unavailable(answer)
}

const mediaPath = /^\/[\d-]+\/Accounts\/AC\w+\/Messages\/\w+\/Media\/\w+$/

/** A media resource of Twilio's API, in any region, or of the server that stands in for it. */
function isTwilios(url: string, account: ChannelAccount): boolean {
  const { origin, protocol, hostname, pathname } = URL.parse(url) ?? {}
  if (!origin || !hostname || !mediaPath.test(pathname ?? '')) return false
  const twilios = protocol === 'https:' && /^api(\.[a-z0-9-]+)*\.twilio\.com$/.test(hostname)
  return twilios || origin === URL.parse(apiUrl(account, 'https://api.twilio.com'))?.origin
}
