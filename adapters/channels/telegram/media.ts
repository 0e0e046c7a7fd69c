import { z } from 'zod'
import {
  type LocateContext,
  type MediaReference,
  type MediaSource,
  MediaUnavailable,
} from '../channel.ts'
import { apiUrl } from '../shared/content.ts'
import type { HttpAnswer } from '../shared/http-request.ts'
import {
  accountLacks,
  ask,
  atUrl,
  gone,
  open,
  unavailable,
  unreadable,
} from '../shared/fetch-media.ts'
import { readToken } from './token.ts'

const found = z.looseObject({ result: z.looseObject({ file_path: z.string().min(1) }) })
const refusal = z.looseObject({ description: z.string() })

/**
 * Asks where a file is, and opens it: its address holds the bot's token, so nobody else gets to see it. A bot is given
 * 20 MB at most, unless its own Bot API server says otherwise.
 * Source: https://core.telegram.org/bots/api#getfile
 * @throws MediaUnavailable
 */
export async function locate(
  reference: MediaReference,
  { account, signal }: LocateContext,
): Promise<MediaSource> {
  const { id } = reference
  if (!id) return atUrl(reference)
  const token = readToken(account)
  if (typeof token !== 'string') throw accountLacks(token.errorMessage)
  const api = apiUrl(account, 'https://api.telegram.org')
  const asked = await ask({
    url: `${api}/bot${token}/getFile`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ file_id: id }),
    signal,
  })
  if (asked.status < 200 || asked.status >= 300) throw refused(asked)
  const read = found.safeParse(asked.json)
  if (!read.success) throw unreadable('Telegram')
  const path = read.data.result.file_path
  if (path.startsWith('/')) {
    const message = 'The Bot API server keeps its files to itself: start it without --local.'
    throw new MediaUnavailable('media_refused', message, false)
  }
  const address = `${api}/file/bot${token}/${path.split('/').map(encodeURIComponent).join('/')}`
  const answer = await open({ url: address, method: 'GET', signal })
  if ('content' in answer) return answer
  // The path lives for an hour, so this one is not too old; Telegram has lost sight of it, and a new one may be given.
  throw answer.status === 404
    ? temporarily('Telegram does not have the file.')
    : unavailable(answer)
}

/** Telegram words its refusals for people; those that are not here go by their status. */
function refused(answer: HttpAnswer): MediaUnavailable {
  const said = refusal.safeParse(answer.json).data?.description
  if (said === undefined) return unavailable(answer)
  if (/file is too big/i.test(said)) {
    return new MediaUnavailable(
      'media_over_provider_limit',
      `${said} (bots are given 20 MB).`,
      false,
    )
  }
  if (/temporarily unavailable/i.test(said)) return temporarily(said)
  if (/wrong file|invalid file|file_id/i.test(said)) return gone(said)
  // So says a token that is none, or was revoked.
  if (answer.status === 404) return new MediaUnavailable('media_unauthorized', said, true)
  return unavailable(answer, said)
}

function temporarily(said: string): MediaUnavailable {
  return new MediaUnavailable('provider_unavailable', said, true)
}
