import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { readChannel, readMessagesAfter, type RestOptions } from './backfill.ts'
import { listenToGateway } from './gateway.ts'
import { channel, id, type KnownChannel } from './schema.ts'
import { backoffMs } from '../../shared/backoff.ts'

/** An event as receive.ts takes it. */
export type BridgeEvent = {
  t: string
  d: unknown
  /** When it was heard, ISO 8601. */
  at: string
  channel?: KnownChannel
}

export type BridgeOptions = {
  /** The bot's. */
  token: string
  /** Takes events, in order, and rejects where it could not keep them: they come again. See postEvents. */
  deliver: (events: BridgeEvent[]) => Promise<void>
  /** Called with errors that are retried. */
  warn: (error: unknown) => void
  /** Default: messages and reactions of guilds and direct chats, with their content (a privileged intent). */
  intents?: number
  gatewayUrl?: string
  apiUrl?: string
  /** The last message that is known of each channel, by its id: what came after them is asked for at the start. */
  lastMessages?: Record<string, string>
  /** ms before a second try of anything; doubled up to a minute. Default 1000. */
  firstWait?: number
}

export type Bridge = {
  /** Ends when `close` is called. @throws (rejects) where Discord refuses the token or an intent. */
  done: Promise<void>
  /** Waits for what is being delivered, a second at most. */
  close(): Promise<void>
}

/** GUILDS, GUILD_MESSAGES, GUILD_MESSAGE_REACTIONS, DIRECT_MESSAGES, DIRECT_MESSAGE_REACTIONS, MESSAGE_CONTENT. */
export const standardIntents = 1 | 512 | 1024 | 4096 | 8192 | 32_768

/** Events that receive.ts makes something of. */
const wanted =
  /^(MESSAGE_(CREATE|UPDATE|DELETE|DELETE_BULK|REACTION_ADD|REACTION_REMOVE)|CHANNEL_UPDATE|THREAD_UPDATE|INTERACTION_CREATE)$/

const maxEvents = 50
const maxChannels = 10_000

const guild = z.looseObject({
  id,
  channels: z.array(channel).nullish(),
  threads: z.array(channel).nullish(),
})
const created = z.looseObject({ id, channel_id: id, guild_id: id.nullish() })

/**
 * Brings the gateway's events to a channel's webhook. Nothing that was heard is lost while this process lives: events
 * wait, in order, until they are taken. What happens while no session listens is asked for by REST afterwards, for the
 * channels that a message was seen in; a message that comes twice is stored once. Edits, deletions and reactions of that
 * time cannot be asked for.
 *
 * One bridge for a bot: two would each bring everything. Bots in more than 2,500 guilds need shards, which it has not.
 */
export function startBridge(options: BridgeOptions): Bridge {
  const { token, warn, deliver, firstWait = 1000 } = options
  const closing = new AbortController()
  const { signal } = closing
  const apiUrl = (options.apiUrl ?? 'https://discord.com/api/v10').replace(/\/+$/, '')
  const rest: RestOptions = { token, apiUrl, signal }
  const known = new Map<string, KnownChannel>()
  const last = new Map(Object.entries(options.lastMessages ?? {}))
  let queue: BridgeEvent[] = []
  let wake = Promise.withResolvers<void>()

  const push = (t: string, d: unknown) => {
    queue.push({ t, d, at: new Date().toISOString() })
    wake.resolve()
  }

  const onEvent = (t: string, d: unknown) => {
    for (const one of channelsIn(t, d)) if (one.id) remember(known, one.id, one)
    if (wanted.test(t)) push(t, d)
  }

  const backfill = async () => {
    // As of now: a message that comes meanwhile would hide those before it.
    const missed = new Map(last)
    for (const [channelId, after] of missed) {
      await retry(signal, firstWait, warn, async () => {
        for await (const messages of readMessagesAfter(rest, channelId, after)) {
          for (const message of messages) push('MESSAGE_CREATE', message)
        }
      })
    }
  }

  /** Who takes part in a direct chat, and what a channel is called, no message says. */
  const describe = async (event: BridgeEvent): Promise<BridgeEvent> => {
    const message = event.t === 'MESSAGE_CREATE' ? created.safeParse(event.d).data : undefined
    if (!message) return event
    const found = known.get(message.channel_id) ?? (await readChannel(rest, message.channel_id))
    if (!found) return event
    remember(known, message.channel_id, found)
    return { ...event, channel: found }
  }

  const work = async () => {
    while (!signal.aborted) {
      const batch = queue.slice(0, maxEvents)
      if (batch.length === 0) {
        wake = Promise.withResolvers()
        await wake.promise
        continue
      }
      await retry(signal, firstWait, warn, async () => {
        await deliver(await Promise.all(batch.map(describe)))
        queue = queue.slice(batch.length)
        for (const { t, d } of batch) if (t === 'MESSAGE_CREATE') note(last, d)
      })
    }
  }

  const listening = listenToGateway({
    token,
    intents: options.intents ?? standardIntents,
    url: (options.gatewayUrl ?? 'wss://gateway.discord.gg').replace(/\/+$/, ''),
    onEvent,
    onGap: () => void backfill().catch(warn),
    warn,
    signal,
    firstWait,
  })
  const working = work()
  void backfill().catch(warn)
  const stop = () => {
    closing.abort()
    wake.resolve()
  }
  const done = listening.finally(stop)
  done.catch(() => {})
  return {
    done,
    async close() {
      stop()
      await Promise.race([working, delay(1000, undefined, { ref: false })])
    },
  }
}

/** Until it succeeds, or the signal fires. */
async function retry(
  signal: AbortSignal,
  firstWait: number,
  warn: (error: unknown) => void,
  action: () => Promise<void>,
): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      return await action()
    } catch (error) {
      if (signal.aborted) return
      warn(error)
      const wait = backoffMs(failures, { minMs: firstWait, maxMs: 60_000 })
      await delay(wait, undefined, { signal }).catch(() => {})
    }
  }
}

function channelsIn(t: string, d: unknown): KnownChannel[] {
  if (/^(CHANNEL|THREAD)_(CREATE|UPDATE)$/.test(t)) {
    const one = channel.safeParse(d).data
    return one ? [one] : []
  }
  const { data } = t === 'GUILD_CREATE' ? guild.safeParse(d) : {}
  // Here, the channels of a guild do not say that they are its.
  return [...(data?.channels ?? []), ...(data?.threads ?? [])].map((one) => ({
    ...one,
    guild_id: data?.id,
  }))
}

/** What receive.ts reads of it, and no more: a channel of a guild comes with all of its permissions. */
function remember(known: Map<string, KnownChannel>, key: string, found: KnownChannel): void {
  if (known.size >= maxChannels) known.clear()
  const { id, type, guild_id, name, recipients } = found
  known.set(key, { id, type, guild_id, name, recipients })
}

function note(last: Map<string, string>, message: unknown): void {
  const { data } = created.safeParse(message)
  if (!data) return
  const before = last.get(data.channel_id)
  if (before === undefined || BigInt(before) < BigInt(data.id)) last.set(data.channel_id, data.id)
}

/** A `deliver` that posts to an account's webhook, with its secret `bridge_token`. Rejects unless the answer is 2xx. */
export function postEvents(url: string, bridgeToken: string): BridgeOptions['deliver'] {
  return async (events) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-pigeonpost-token': bridgeToken },
      body: JSON.stringify(events),
      signal: AbortSignal.timeout(30_000),
    })
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`POST ${url}: HTTP ${response.status}`)
  }
}
