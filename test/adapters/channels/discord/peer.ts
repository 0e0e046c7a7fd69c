import { generateKeyPairSync } from 'node:crypto'
import { discord } from '../../../../adapters/channels/discord/index.ts'
import { startFileServer } from '../../../support/files.ts'
import type { Peer, PeerRequest } from '../../../support/peer.ts'

/** Discord's side of the interactions' key; the last 32 bytes of its DER are what the developer portal shows in hex. */
export const keys = generateKeyPairSync('ed25519')
export const publicKey = keys.publicKey
  .export({ format: 'der', type: 'spki' })
  .subarray(-32)
  .toString('hex')

export const botId = '1098765432109876500'
export const botToken = `${Buffer.from(botId).toString('base64url')}.GabcDE.a-test_token`
const bridgeToken = 'bridge-token-of-the-test'
const guild = '197038439483310086'

const person = (n: number) => String(80_351_110_224_678_000n + BigInt(n))
const groupId = (n: number) => String(290_926_798_999_357_000n + BigInt(n))
const snowflake = (n: number) => String(1_315_700_000_000_000_000n + BigInt(n))
/** The direct chat with somebody is a channel too. */
const directId = (from: string) => String(BigInt(from) + 1_000_000_000_000_000_000n)
const iso = (at: Date) => at.toISOString().replace('Z', '000+00:00')

function event(t: string, d: object, at: Date): PeerRequest {
  return {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ op: 0, s: 42, t, d, at: at.toISOString() }),
  }
}

type What = { id: string; from: string; at: Date; group?: string }

const place = ({ from, group }: What) =>
  group
    ? { channel_id: group, guild_id: guild, channel_type: 0 }
    : { channel_id: directId(from), channel_type: 1 }

/** https://discord.com/developers/docs/resources/message#message-object */
function message(what: What, content: string) {
  const { id, from, at, group } = what
  return {
    id,
    ...place(what),
    author: {
      id: from,
      username: `ann${from.slice(-2)}`,
      global_name: 'Ann',
      discriminator: '0',
      avatar: null,
    },
    ...(group ? { member: { nick: 'Annie', roles: [], joined_at: iso(at) } } : {}),
    content,
    timestamp: iso(at),
    edited_timestamp: null,
    tts: false,
    mention_everyone: false,
    mentions: [],
    mention_roles: [],
    attachments: [] as object[],
    embeds: [],
    pinned: false,
    type: 0,
  }
}

export const discordPeer: Peer = {
  channel: discord,
  account: {
    channel: 'discord',
    address: botId,
    provider: 'discord',
    settings: { public_key: publicKey },
    secret: JSON.stringify({ bot_token: botToken, bridge_token: bridgeToken }),
  },
  id: snowflake,
  person,
  groupId,
  sign: (request) => ({
    ...request,
    headers: { ...request.headers, 'x-pigeonpost-token': bridgeToken },
  }),
  text: (what) => event('MESSAGE_CREATE', message(what, what.body), what.at),
  media: (what, url = 'https://cdn.discordapp.com/attachments/1/2/cat.png?ex=1&is=2&hm=3') => {
    const attachment = {
      id: '1315700000000009999',
      filename: 'cat.png',
      size: 98_000,
      url,
      proxy_url: 'https://media.discordapp.net/attachments/1/2/cat.png',
      content_type: 'image/png',
      width: 640,
      height: 480,
    }
    const d = { ...message(what, what.caption), attachments: [attachment] }
    return event('MESSAGE_CREATE', d, what.at)
  },
  async serve(t, bytes) {
    const server = await startFileServer(t, ({ path, body }) => {
      if (path.startsWith('/attachments/1/')) return { body: bytes }
      const [original] = (JSON.parse(body.toString()) as { attachment_urls: string[] })
        .attachment_urls
      const refreshed = `${server.url}/attachments/1/2/cat.png?ex=7fffffff`
      return { body: JSON.stringify({ refreshed_urls: [{ original, refreshed }] }) }
    })
    return { settings: { api_url: server.url } }
  },
  edit: (what) => {
    const sent = new Date(what.at.getTime() - 60_000)
    const d = { ...message({ ...what, at: sent }, what.body), edited_timestamp: iso(what.at) }
    return event('MESSAGE_UPDATE', d, what.at)
  },
  revoke: (what) => event('MESSAGE_DELETE', { id: what.id, ...place(what) }, what.at),
  reaction: (what) =>
    event(
      what.emoji === null ? 'MESSAGE_REACTION_REMOVE' : 'MESSAGE_REACTION_ADD',
      {
        user_id: what.from,
        message_id: what.id,
        ...place(what),
        emoji: { id: null, name: what.emoji ?? '👍' },
        burst: false,
        type: 0,
      },
      what.at,
    ),
}
