import type { Test } from 'tap'
import { telegram } from '../../../../adapters/channels/telegram/index.ts'
import { startFileServer } from '../../../support/files.ts'
import type { PeerRequest } from '../../../support/peer.ts'

const token = '7000000001:AAE-webhook-test-token'
const webhookToken = 'a_Webhook-token'

const person = (n: number) => String(1_110_000 + n)
const groupId = (n: number) => String(-1_002_000_000_000 - n)
const seconds = (at: Date) => Math.floor(at.getTime() / 1000)

let updates = 10_000
/** What Telegram posts. https://core.telegram.org/bots/api#update */
function update(content: object): PeerRequest {
  updates += 1
  return {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ update_id: updates, ...content }),
  }
}

const user = (id: string) => ({
  id: Number(id),
  is_bot: false,
  first_name: `Ann ${id.slice(-2)}`,
  username: `ann${id}`,
  language_code: 'en',
})

function chat(from: string, group: string | undefined) {
  return group
    ? { id: Number(group), type: 'supergroup', title: 'Family' }
    : { ...user(from), is_bot: undefined, language_code: undefined, type: 'private' }
}

type What = { id: string; from: string; at: Date; group?: string }

function message({ id, from, at, group }: What) {
  return {
    message_id: Number(id.split(':')[1]),
    from: user(from),
    chat: chat(from, group),
    date: seconds(at),
  }
}

/** A Peer, whose ids are of a chat: `id(1, groupId(1))` is a group's first message, `id(1)` the first of person 1. */
export const telegramPeer = {
  channel: telegram,
  account: {
    channel: 'telegram',
    address: '7000000001',
    provider: 'telegram',
    settings: {},
    secret: JSON.stringify({ bot_token: token, webhook_token: webhookToken }),
  },
  id: (n: number, chat = person(1)) => `${chat}:${1000 + n}`,
  person,
  groupId,
  sign: (request: PeerRequest): PeerRequest => ({
    ...request,
    headers: { ...request.headers, 'x-telegram-bot-api-secret-token': webhookToken },
  }),
  text: (what: What & { body: string }) =>
    update({ message: { ...message(what), text: what.body } }),
  media: (what: What & { caption: string }) =>
    update({
      message: {
        ...message(what),
        photo: [
          { file_id: 'AgAD-small', file_unique_id: 'AQ1', file_size: 1200, width: 90, height: 67 },
          {
            file_id: 'AgAD-large',
            file_unique_id: 'AQ2',
            file_size: 98_000,
            width: 1280,
            height: 960,
          },
        ],
        caption: what.caption,
      },
    }),
  async serve(t: Pick<Test, 'teardown'>, bytes: Buffer) {
    const server = await startFileServer(t, ({ path }) =>
      path === `/bot${token}/getFile`
        ? { body: JSON.stringify({ ok: true, result: { file_path: 'photos/file_1.jpg' } }) }
        : path === `/file/bot${token}/photos/file_1.jpg`
          ? { body: bytes }
          : { status: 404 },
    )
    return { settings: { api_url: server.url } }
  },
  edit: (what: What & { body: string }) =>
    update({
      edited_message: {
        ...message(what),
        date: seconds(what.at) - 60,
        edit_date: seconds(what.at),
        text: what.body,
      },
    }),
  reaction: (what: What & { emoji: string | null }) =>
    update({
      message_reaction: {
        chat: chat(what.from, what.group),
        message_id: Number(what.id.split(':')[1]),
        user: user(what.from),
        date: seconds(what.at),
        old_reaction: what.emoji === null ? [{ type: 'emoji', emoji: '👍' }] : [],
        new_reaction: what.emoji === null ? [] : [{ type: 'emoji', emoji: what.emoji }],
      },
    }),
}
