import t from 'tap'
import type { Channel } from '../../../adapters/channels/channel.ts'
import { createReceiver, createReplay } from '../../../adapters/inbound/index.ts'
import { connect } from '../../../db/connect.ts'
import { findKept } from '../../../db/inbox/select.ts'
import { testDatabase } from '../../support/database.ts'
import { peer as baileys } from '../channels/baileys/peer.ts'
import { discordPeer as discord } from '../channels/discord/peer.ts'
import { telegramPeer as telegram } from '../channels/telegram/peer.ts'

const anHourAgo = new Date(Date.now() - 3_600_000)

const [chat, person] = [discord.id(1), discord.person(1)]
/** What gives no time of its own: a revoke, a reaction, a pressed button. */
const timeless: [channel: Channel, payload: object, what: string][] = [
  [
    baileys.channel,
    {
      event: 'messages.update',
      data: [
        {
          key: { remoteJid: '27831234567@s.whatsapp.net', id: 'A', fromMe: false },
          update: { messageStubType: 1 },
        },
      ],
    },
    'parked_updates',
  ],
  [
    discord.channel,
    {
      t: 'MESSAGE_REACTION_ADD',
      d: { user_id: person, message_id: chat, channel_id: '1', emoji: { name: '👍' } },
    },
    'parked_updates',
  ],
  [
    telegram.channel,
    {
      update_id: 1,
      callback_query: {
        id: '1',
        from: { id: 1111, is_bot: false, first_name: 'Ann' },
        message: {
          message_id: 9,
          date: 0,
          chat: { id: 1111, type: 'private', first_name: 'Ann' },
        },
        data: 'yes',
      },
    },
    'messages',
  ],
]

for (const [channel, payload, table] of timeless) {
  t.test(`${channel.name}: a replay an hour later stores the same times`, async (t) => {
    const { url, sql } = await testDatabase(t)
    const pool = connect(url, { max: 2 })
    t.teardown(() => pool.end())
    await sql`insert into pigeonpost.tenants (tenant_id) values (1), (2)`
    const receiver = createReceiver({ run: async (work) => work(pool) })
    const path = `/api/webhooks/${channel.name}`
    const opened = await receiver.open({
      tenantId: 1,
      channel: channel.name,
      request: {
        method: 'POST',
        url: path,
        path,
        query: {},
        headers: {},
        body: Buffer.from(JSON.stringify(payload)),
        receivedAt: anHourAgo,
      },
    })
    const { inboxId, status } = await receiver.store(opened)
    t.equal(status, 'processed')
    // Into another tenant: in its own it would be here already.
    const kept = await findKept(pool, 1, inboxId)
    if (!kept) return t.fail('it was not kept')
    t.match(await createReplay(pool)(2, kept), { status: 'processed' })
    const times =
      table === 'messages'
        ? await sql`select tenant_id, sent_at as at from pigeonpost.messages order by tenant_id`
        : await sql`
            select tenant_id, (update ->> 'at')::timestamptz as at from pigeonpost.parked_updates order by tenant_id`
    t.same(
      [...times],
      [1, 2].map((tenant_id) => ({ tenant_id, at: anHourAgo })),
    )
  })
}
