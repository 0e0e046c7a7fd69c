import t from 'tap'
import { createReceiver } from '../../../adapters/inbound/queue.ts'
import { type ChannelAccount, UnreadablePayload } from '../../../adapters/channels/channel.ts'
import { connect } from '../../../db/connect.ts'
import { testDatabase } from '../../support/database.ts'
import { mutateBytes, mutateJson, random } from '../../support/mutate-json.ts'
import type { Peer, PeerRequest } from '../../support/peer.ts'
import { peers } from './peers.ts'

/** Payloads for each receiver, and how many of them go all the way into the database. */
const count = 10_000
const stored = Number(process.env['PIGEONPOST_TEST_FUZZ'] ?? 400)

const noon = new Date('2026-11-02T12:00:00Z')

function samples(peer: Peer): PeerRequest[] {
  const [id, from, to, at] = [peer.id(1), peer.person(1), peer.person(1), noon]
  const group = peer.groupId?.(1)
  return [
    peer.text({ id, from, body: 'Hello', at }),
    ...(group ? [peer.text({ id, from, body: 'Hello', at, group })] : []),
    peer.media?.({ id, from, caption: 'A cat', at }),
    peer.edit?.({ id, from, body: 'Hi', at }),
    peer.revoke?.({ id, from, at }),
    peer.reaction?.({ id, from, emoji: '👍', at }),
    ...(peer.receipts ?? []).map((status) => peer.receipt?.({ id, to, status, at })),
  ].filter((request) => request !== undefined)
}

/** Something near a payload that the provider sends. */
function mutate(request: PeerRequest, next: () => number): Buffer {
  const bytes = Buffer.from(request.body)
  if (next() < 0.3) return mutateBytes(bytes, next)
  try {
    return Buffer.from(JSON.stringify(mutateJson(JSON.parse(bytes.toString()), next)))
  } catch {
    // A form, a mail: one of its words is gone, doubled, or something else.
    const words = bytes.toString('latin1').split(/(?<=[&=\r\n:;,])/)
    const i = Math.floor(next() * words.length)
    const what = next()
    const word = words[i] ?? ''
    const instead =
      what < 0.4
        ? ''
        : what < 0.7
          ? word + word
          : ['%', '\0', '\xff=', 'x'.repeat(5000)][Math.floor(next() * 4)]
    return Buffer.from(words.with(i, instead ?? '').join(''), 'latin1')
  }
}

for (const [name, peer] of Object.entries(peers)) {
  t.test(`${name}: whatever comes is read, or kept as unreadable`, async (t) => {
    const { url, sql } = await testDatabase(t)
    const pool = connect(url, { max: 4 })
    t.teardown(() => pool.end())
    const { channel, account } = peer
    const [row] = await sql<{ id: string }[]>`
      insert into pigeonpost.accounts (tenant_id, channel, address) values (1, ${account.channel}, ${account.address}) returning id`
    const as: ChannelAccount = { ...account, tenantId: 1, accountId: row?.id ?? '' }
    const receiver = createReceiver({ run: async (work) => work(pool) })
    const next = random(name.length * 7919)
    const from = samples(peer)
    const digests = new Set<string>()
    let unreadable = 0
    let line: Promise<unknown>[] = []
    for (let i = 0; i < count; i++) {
      const sample = from[i % from.length] as PeerRequest
      const request = {
        method: 'POST',
        url: '/',
        path: `/api/webhooks/${channel.name}`,
        query: {},
        headers: Object.fromEntries(
          Object.entries(sample.headers).map(([key, value]) => [key.toLowerCase(), value]),
        ),
        body: mutate(sample, next),
      }
      try {
        const { messages, updates } = await channel.receive(request, as)
        if (!Array.isArray(messages) || !Array.isArray(updates)) t.fail('neither read nor refused')
      } catch (error) {
        unreadable += 1
        if (!(error instanceof UnreadablePayload)) {
          t.fail(`${String(error)}: ${request.body.toString('latin1').slice(0, 300)}`)
        }
      }
      if (i >= stored) continue
      const opened = await receiver.open({ tenantId: 1, channel: channel.name, request })
      digests.add(opened.digest.toString('hex'))
      line.push(receiver.store(opened))
      if (line.length < 50) continue
      await Promise.all(line)
      line = []
    }
    await Promise.all(line)
    t.ok(unreadable > 0 && unreadable < count, `${unreadable} of ${count} could not be read`)
    const [inbox] = await sql`
      select count(*)::integer as kept, count(*) filter (where error_code = 'internal_error')::integer as surprises,
        min(error_message) filter (where error_code = 'internal_error') as surprise from pigeonpost.webhook_inbox`
    t.same(inbox, { kept: digests.size, surprises: 0, surprise: null }, 'each is kept')
  })
}
