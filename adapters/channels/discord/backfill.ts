import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { parseJson } from '../shared/payload.ts'
import { channel, id, type KnownChannel } from './schema.ts'

export type RestOptions = {
  token: string
  /** Without a trailing slash. */
  apiUrl: string
  signal: AbortSignal
}

/** Messages of one page, at most. https://discord.com/developers/docs/resources/message#get-channel-messages */
const pageSize = 100
const page = z.array(z.looseObject({ id }))
const limited = z.looseObject({ retry_after: z.number() })

/**
 * The messages of a channel that came after one, oldest first, page by page. None where the bot may not read the channel
 * (any more). Edits and deletions that were missed cannot be asked for.
 * @throws where Discord does not answer, or not so.
 */
export async function* readMessagesAfter(
  options: RestOptions,
  channelId: string,
  after: string,
): AsyncGenerator<{ id: string }[]> {
  let last = after
  for (;;) {
    const path = `channels/${channelId}/messages?after=${last}&limit=${pageSize}`
    const answer = await get(options, path)
    if (answer === null) return
    const found = page.parse(answer).toSorted((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1))
    const newest = found.at(-1)
    if (!newest) return
    yield found
    if (found.length < pageSize) return
    last = newest.id
  }
}

/** Discord's channel object; null where the bot may not see it. */
export async function readChannel(
  options: RestOptions,
  channelId: string,
): Promise<KnownChannel | null> {
  return channel.nullable().parse(await get(options, `channels/${channelId}`))
}

async function get(options: RestOptions, path: string): Promise<unknown> {
  const { apiUrl, token, signal } = options
  const response = await fetch(`${apiUrl}/${path}`, {
    headers: { authorization: `Bot ${token}`, 'user-agent': 'DiscordBot (pigeonpost, 1)' },
    signal,
  })
  const body = Buffer.from(await response.arrayBuffer())
  if (response.ok) return parseJson(body)
  if (response.status === 403 || response.status === 404) return null
  const wait = response.status === 429 ? limited.safeParse(parseJson(body)).data : undefined
  if (!wait)
    throw new Error(`GET /${path}: HTTP ${response.status} ${body.toString().slice(0, 200)}`)
  await delay(wait.retry_after * 1000, undefined, { signal })
  return get(options, path)
}
