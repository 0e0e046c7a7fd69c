import { z } from 'zod'
import type { LocateContext, MediaReference, MediaSource } from '../channel.ts'
import { accountLacks, ask, atUrl, gone, unavailable, unreadable } from '../shared/fetch-media.ts'
import { apiRequest, readToken } from './api.ts'

const refreshed = z.looseObject({
  refreshed_urls: z.array(z.looseObject({ refreshed: z.string().nullish() })),
})

/**
 * An attachment's URL is signed and open to everybody for a day; one that is over is asked for anew. Stickers need no
 * signature.
 * Source: https://discord.com/developers/docs/reference#signed-attachment-cdn-urls; of the request that renews them the
 * clients that make it, such as Oceanic: https://docs.oceanic.ws/v1.10.2/variables/Routes.REFRESH_ATTACHMENT_URLS.html
 * @throws MediaUnavailable
 */
export async function locate(
  reference: MediaReference,
  { account, signal }: LocateContext,
): Promise<MediaSource> {
  const { url } = reference
  if (!url || !isOver(url, Date.now())) return atUrl(reference)
  const token = readToken(account)
  if (typeof token !== 'string') throw accountLacks(token.errorMessage)
  const body = JSON.stringify({ attachment_urls: [url] })
  const answer = await ask({
    ...apiRequest('attachments/refresh-urls', account, token),
    body,
    signal,
  })
  if (answer.status < 200 || answer.status >= 300) throw unavailable(answer)
  const read = refreshed.safeParse(answer.json)
  if (!read.success) throw unreadable('Discord')
  const [fresh] = read.data.refreshed_urls
  if (!fresh?.refreshed) throw gone('Discord has the attachment no longer.')
  return atUrl({ url: fresh.refreshed })
}

/** `ex` is when, in seconds since 1970 and hex. An attachment's URL without it is never answered. */
function isOver(url: string, now: number): boolean {
  const { hostname = '', pathname = '', searchParams } = URL.parse(url) ?? {}
  const signed =
    /^(cdn\.discordapp\.com|media\.discordapp\.net)$/.test(hostname) &&
    /^\/(ephemeral-)?attachments\//.test(pathname)
  if (!signed) return false
  const seconds = Number.parseInt(searchParams?.get('ex') ?? '', 16)
  // A minute less, for the way and the clocks.
  return !(seconds * 1000 > now + 60_000)
}
