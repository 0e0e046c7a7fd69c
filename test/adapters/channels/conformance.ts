import { mock } from 'node:test'
import type { Test } from 'tap'
import { readSecrets } from '../../../adapters/shared/secrets.ts'
import { findKeptRequest } from '../../../db/inbox/select.ts'
import { bytesOf, png } from '../../support/files.ts'
import type { Peer, PeerRequest } from '../../support/peer.ts'
import { createLab } from './lab.ts'
import { asWebhook, samplesOf } from './samples.ts'

const noon = new Date('2026-11-02T12:00:00Z')
const after = (seconds: number): Date => new Date(noon.getTime() + seconds * 1000)

/** Unusual, but text: other scripts, joined and flagged emoji, combining marks, the other direction, quotes and slashes. */
const foreign = 'Zażółć 你好 שלום नमस्ते 👩‍👩‍👧🇿🇦 é "quoted" <3 & > \\back\\ %41+plus\nsecond line'

/**
 * What every channel has to do with what its provider sends, through the HTTP server and into the database; what a
 * channel says that it can is held against it.
 */
export async function conforms(t: Test, peer: Peer): Promise<void> {
  const can = {
    ...peer.channel.can,
    ...Object.fromEntries((peer.lacks ?? []).map((what) => [what, false])),
  }

  await t.test('a text is stored with its sender, its time and its payload', async (t) => {
    const lab = await createLab(t, peer)
    const [id, from] = [peer.id(1), peer.person(1)]
    await lab.post(peer.text({ id, from, body: 'Hello', at: noon }))
    const message = await lab.message(id)
    t.match(message, {
      direction: 'inbound',
      channel: peer.account.channel,
      account_id: lab.accountId,
      address: from,
      content_type: 'text',
      body: 'Hello',
      status: 'delivered',
    })
    t.same(message['sent_at'], noon)
    t.type(message['raw'], 'object')
    t.ok(message['thread_id'])
    const [kept] = await lab.inbox()
    t.match(kept, { status: 'processed', account_id: lab.accountId, channel: peer.channel.name })
    for (const secret of Object.values(readSecrets(peer.account.secret, 'main'))) {
      t.notMatch(JSON.stringify([kept?.['path'], kept?.['headers']]), secret, 'no secret is kept')
    }
    const events =
      await lab.sql`select from pigeonpost.event_log where type = 'message.inbound.created'`
    t.equal(events.length, 1)
  })

  await t.test('what a webhook says does not depend on when it is read', async (t) => {
    const account = {
      tenantId: 1,
      accountId: '0193a5b0-7c00-7000-8000-000000000001',
      ...peer.account,
    }
    t.teardown(() => mock.timers.reset())
    for (const sample of samplesOf(peer)) {
      const request = asWebhook(peer, sample)
      const read = async (now: Date) => {
        mock.timers.reset()
        mock.timers.enable({ apis: ['Date'], now })
        return peer.channel.receive(request, account)
      }
      t.same(await read(after(7200)), await read(after(3600)))
    }
  })

  await t.test('text of any language arrives as it was written', async (t) => {
    const lab = await createLab(t, peer)
    const id = peer.id(1)
    await lab.post(peer.text({ id, from: peer.person(1), body: foreign, at: noon }))
    t.equal((await lab.message(id))['body'], foreign)
  })

  await t.test('64 KB of text arrive whole', async (t) => {
    const lab = await createLab(t, peer)
    const [id, body] = [
      peer.id(1),
      'All work and no play. '.repeat(3000).slice(0, 65_535).trimEnd(),
    ]
    await lab.post(peer.text({ id, from: peer.person(1), body, at: noon }))
    t.equal((await lab.message(id))['body'], body)
  })

  await t.test('a delivery that is tried again changes nothing', async (t) => {
    const lab = await createLab(t, peer)
    const request = peer.text({ id: peer.id(1), from: peer.person(1), body: 'Once', at: noon })
    await Promise.all(Array.from({ length: 5 }, async () => lab.post(request)))
    await lab.sql`update pigeonpost.threads set status = 'archived'`
    await lab.post(request)
    t.equal((await lab.messages()).length, 1)
    t.equal((await lab.inbox()).length, 1)
    t.equal((await lab.sql`select from pigeonpost.threads`).length, 1)
  })

  await t.test('twenty people who write three times at once leave sixty messages', async (t) => {
    const lab = await createLab(t, peer)
    const texts = Array.from({ length: 60 }, (_, i) =>
      peer.text({ id: peer.id(i), from: peer.person(i % 20), body: `No. ${i}`, at: after(i) }),
    )
    await Promise.all([...texts, ...texts.toReversed()].map(async (text) => lab.post(text)))
    t.equal((await lab.messages()).length, 60)
    t.equal((await lab.sql`select from pigeonpost.customers`).length, 20)
    const active = await lab.sql`
      select conversation_id from pigeonpost.threads where status = 'active' group by 1 having count(*) > 1`
    t.same([...active], [])
  })

  await t.test('of two messages that come in the wrong order the later is the last', async (t) => {
    const lab = await createLab(t, peer)
    const from = peer.person(1)
    await lab.post(peer.text({ id: peer.id(2), from, body: 'second', at: after(60) }))
    await lab.post(peer.text({ id: peer.id(1), from, body: 'first', at: noon }))
    const rows = await lab.sql`select body from pigeonpost.messages order by occurred_at`
    t.same([...rows], [{ body: 'first' }, { body: 'second' }])
  })

  await t.test('what does not prove itself is 401, and nothing of it is kept', async (t) => {
    const lab = await createLab(t, peer)
    const request = peer.text({ id: peer.id(1), from: peer.person(1), body: 'Hello', at: noon })
    t.equal((await lab.send(request, { sign: false, key: false })).status, 401)
    t.same([...(await lab.inbox())], [])
    t.same([...(await lab.messages())], [])
  })

  await t.test('what cannot be read is kept with its error', async (t) => {
    const lab = await createLab(t, peer)
    const { headers } = peer.text({ id: peer.id(1), from: peer.person(1), body: 'x', at: noon })
    const body = Buffer.from('\u0000{"broken": \ud800', 'utf16le')
    const { status } = await lab.send({ headers, body })
    t.equal(status, peer.channel.signed ? 200 : 400)
    const [kept] = await lab.inbox()
    if (kept?.['status'] === 'processed') {
      // A channel for which any bytes are a message.
      t.equal((await lab.messages()).length, 1)
      return
    }
    t.match(kept, { status: 'failed', error_code: String, error_field: String })
    t.same(kept?.['body'], body)
    t.same([...(await lab.messages())], [])
  })

  await test(
    t,
    can.media,
    peer.media,
    'a picture keeps its caption and where it lies',
    async (t, media) => {
      const lab = await createLab(t, peer)
      const id = peer.id(1)
      await lab.post(media({ id, from: peer.person(1), caption: 'A cat 🐈', at: noon }))
      const message = await lab.message(id)
      t.match(message, { body: 'A cat 🐈', metadata: { media: [{}] } })
      const [file] = message['metadata'].media
      t.ok(file.url ?? file.id ?? file.filename, 'it says how to get at it')
    },
  )

  await test(
    t,
    can.media,
    peer.media,
    'its file is found by what was stored, and is the very one',
    async (t, media) => {
      const { url, settings = {} } = (await peer.serve?.(t, png)) ?? {}
      const account = { ...peer.account, settings: { ...peer.account.settings, ...settings } }
      const lab = await createLab(t, { ...peer, account })
      const id = peer.id(1)
      await lab.post(media({ id, from: peer.person(1), caption: 'A cat', at: noon }, url))
      const [reference] = (await lab.message(id))['metadata'].media
      const source = await peer.channel.locate?.(reference, {
        account: { tenantId: 1, accountId: lab.accountId, ...account },
        signal: AbortSignal.timeout(60_000),
        async webhook() {
          const digest = reference.details?.webhook ?? ''
          return (await findKeptRequest(lab.sql, 1, digest))?.request ?? null
        },
      })
      t.same(await bytesOf(source ?? { url: reference.url }), png)
    },
  )

  await test(
    t,
    can.edit,
    peer.edit,
    'an edit stands, whether before its message or behind it',
    async (t, edit) => {
      const lab = await createLab(t, peer)
      const from = peer.person(1)
      const steps = (n: number): [PeerRequest, PeerRequest] => [
        peer.text({ id: peer.id(n), from, body: 'Helo', at: noon }),
        edit({ id: peer.id(n), from, body: 'Hello', at: after(5) }),
      ]
      await each(steps(1), lab.post)
      await each(steps(2).toReversed(), lab.post)
      for (const n of [1, 2]) {
        const message = await lab.message(peer.id(n))
        t.equal(message['body'], 'Hello')
        const history = await lab.sql`
        select body, previous_body from pigeonpost.message_history where message_id = ${message['id']}`
        t.same([...history], [{ body: 'Hello', previous_body: 'Helo' }])
      }
    },
  )

  await test(
    t,
    can.revoke,
    peer.revoke,
    'a revoke takes the text, whether before its message or behind it',
    async (t, revoke) => {
      const lab = await createLab(t, peer)
      const from = peer.person(1)
      const steps = (n: number): [PeerRequest, PeerRequest] => [
        peer.text({ id: peer.id(n), from, body: 'Oops', at: noon }),
        revoke({ id: peer.id(n), from, at: after(5) }),
      ]
      await each(steps(1), lab.post)
      await each(steps(2).toReversed(), lab.post)
      for (const n of [1, 2]) {
        const message = await lab.message(peer.id(n))
        t.equal(message['body'], null)
        t.ok(message['revoked_at'])
      }
    },
  )

  await test(
    t,
    can.reaction,
    peer.reaction,
    'a reaction is set, changed and taken back',
    async (t, reaction) => {
      const lab = await createLab(t, peer)
      const [id, from] = [peer.id(1), peer.person(1)]
      const emojis = () => lab.sql`select emoji, sender from pigeonpost.message_reactions`
      await lab.post(reaction({ id, from, emoji: '👍', at: after(1) }))
      await lab.post(peer.text({ id, from, body: 'Well?', at: noon }))
      t.same([...(await emojis())], [{ emoji: '👍', sender: from }])
      await lab.post(reaction({ id, from, emoji: '❤️', at: after(2) }))
      t.same([...(await emojis())], [{ emoji: '❤️', sender: from }])
      await lab.post(reaction({ id, from, emoji: null, at: after(3) }))
      t.same([...(await emojis())], [{ emoji: null, sender: from }])
      t.equal((await lab.messages()).length, 1, 'a reaction is no message')
    },
  )

  await test(
    t,
    can.receipt,
    peer.receipt,
    'receipts move a message forward, whenever they come',
    async (t, receipt) => {
      const lab = await createLab(t, peer)
      const to = peer.person(1)
      const furthest = peer.receipts?.includes('read') ? 'read' : 'delivered'
      const receipts = (n: number) =>
        (peer.receipts ?? [])
          .filter((status) => status !== 'failed')
          .map((status, i) => receipt({ id: peer.id(n), to, status, at: after(i + 1) }))
      await lab.sent(peer.id(1), to)
      await each(receipts(1), lab.post)
      await lab.sent(peer.id(2), to)
      await each(receipts(2).toReversed(), lab.post)
      await each([...receipts(3), ...receipts(3)], lab.post)
      await lab.sent(peer.id(3), to)
      for (const n of [1, 2, 3]) t.match(await lab.message(peer.id(n)), { status: furthest })
      if (!peer.receipts?.includes('failed')) return
      await lab.sent(peer.id(4), to)
      await lab.post(receipt({ id: peer.id(4), to, status: 'failed', at: after(1) }))
      t.match(await lab.message(peer.id(4)), { status: 'failed', error_code: String })
    },
  )

  await test(
    t,
    can.group,
    peer.groupId,
    'a group is one conversation of several people',
    async (t, groupId) => {
      const lab = await createLab(t, peer)
      const group = groupId(1)
      await lab.post(
        peer.text({ id: peer.id(1), from: peer.person(1), body: 'Hi all', at: noon, group }),
      )
      await lab.post(
        peer.text({ id: peer.id(2), from: peer.person(2), body: 'Hi', at: after(5), group }),
      )
      await lab.post(
        peer.text({ id: peer.id(3), from: peer.person(2), body: 'Psst', at: after(9) }),
      )
      const rows = await lab.sql`
      select c.type, c.external_id, array_agg(m.address order by m.number) as people
      from pigeonpost.messages m join pigeonpost.conversations c on c.id = m.conversation_id
      group by 1, 2 order by 1 desc`
      t.same(
        [...rows],
        [
          { type: 'group', external_id: group, people: [peer.person(1), peer.person(2)] },
          { type: 'direct', external_id: rows[1]?.['external_id'], people: [peer.person(2)] },
        ],
      )
    },
  )
}

/** A test of what a channel can; one that says so has to bring what shows it. */
async function test<Tool>(
  t: Test,
  can: boolean,
  tool: Tool | undefined,
  title: string,
  body: (t: Test, tool: Tool) => Promise<void>,
): Promise<void> {
  if (!can) return
  await t.test(title, async (t) => {
    if (tool === undefined)
      return t.fail('the channel says that it can, and its peer cannot show it')
    await body(t, tool)
  })
}

async function each<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  for (const item of items) await work(item)
}
