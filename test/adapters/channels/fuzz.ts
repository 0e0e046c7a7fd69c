import type { Test } from 'tap'
import { createReceiver } from '../../../adapters/inbound/queue.ts'
import { type ChannelAccount, UnreadablePayload } from '../../../adapters/channels/channel.ts'
import { connect } from '../../../db/connect.ts'
import { testDatabase } from '../../support/database.ts'
import { mutateBytes, mutateJson, random } from '../../support/mutate-json.ts'
import type { Peer, PeerRequest } from '../../support/peer.ts'
import { asWebhook, samplesOf } from './samples.ts'

/** Payloads for a receiver, and how many of them go all the way into the database. */
const count = Number(process.env['PIGEONPOST_FUZZ_MUTANTS'] ?? 1_000)
const stored = Math.min(count, 400)

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

/** Whatever comes is read, or kept as unreadable. */
export async function survives(t: Test, peer: Peer): Promise<void> {
  await t.test('whatever comes is read, or kept as unreadable', async (t) => {
    const { url, sql } = await testDatabase(t)
    const pool = connect(url, { max: 4 })
    t.teardown(() => pool.end())
    const { channel, account } = peer
    const [row] = await sql<{ id: string }[]>`
      insert into pigeonpost.accounts (tenant_id, channel, address) values (1, ${account.channel}, ${account.address}) returning id`
    const as: ChannelAccount = { ...account, tenantId: 1, accountId: row?.id ?? '' }
    const receiver = createReceiver({ run: async (work) => work(pool) })
    const next = random(7919)
    const from = samplesOf(peer)
    const digests = new Set<string>()
    let unreadable = 0
    let line: Promise<unknown>[] = []
    for (let i = 0; i < count; i++) {
      const sample = from[i % from.length] as PeerRequest
      const request = asWebhook(peer, sample, mutate(sample, next))
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
