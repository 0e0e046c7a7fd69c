import t from 'tap'
import { keyOf, peer as baileys, post, seconds } from '../channels/baileys/peer.ts'
import { fakechatPeer } from '../channels/fakechat/peer.ts'
import { createLab } from '../channels/lab.ts'
import { peer as whatsapp } from '../channels/whatsapp/peer.ts'
import { bsuid, change, envelope, newBsuid, sheena } from '../channels/whatsapp/samples.ts'
import { beginSending } from '../../support/outbox.ts'

const noon = new Date('2026-11-02T12:00:00Z')
const after = (seconds: number): Date => new Date(noon.getTime() + seconds * 1000)

const from = baileys.person(1)
const phone = `${from.slice(1)}@s.whatsapp.net`
const lid = '152466770000001@lid'

function upsert(key: object, content: object, at = noon) {
  const info = { key, messageTimestamp: seconds(at), pushName: 'Thandi', broadcast: false }
  const messages = [{ ...info, ...content }]
  return post({ event: 'messages.upsert', data: { messages, type: 'notify' } })
}

t.test('what could not be decrypted is filled in once, by the copy that brings it', async (t) => {
  const lab = await createLab(t, baileys)
  const id = baileys.id(1)
  const parent = baileys.id(9)
  await lab.post(baileys.text({ id: parent, from, body: 'Which?', at: after(-9) }))
  const stub = upsert(keyOf({ id, from }), {
    messageStubType: 2,
    messageStubParameters: ['No session record'],
  })
  const content = (text: string, at = noon) =>
    upsert(
      keyOf({ id, from }),
      {
        message: {
          extendedTextMessage: {
            text,
            contextInfo: { stanzaId: parent, participant: phone, quotedMessage: {} },
          },
        },
      },
      at,
    )
  await lab.post(stub)
  const empty = await lab.message(id)
  t.match(empty, { body: null, metadata: { stub: true }, reply_to_id: null })

  await lab.post(content('This one'))
  const filled = await lab.message(id)
  t.match(filled, {
    id: empty['id'],
    thread_id: empty['thread_id'],
    content_type: 'text',
    body: 'This one',
    metadata: { reply_to: parent },
    reply_to_id: (await lab.message(parent))['id'],
    raw: { message: { extendedTextMessage: { text: 'This one' } } },
  })
  t.notOk('stub' in filled['metadata'])
  const history = () => lab.sql`
    select body, previous_body from pigeonpost.message_history where message_id = ${empty['id']}`
  t.same([...(await history())], [{ body: 'This one', previous_body: null }])

  await lab.post(content('This one', after(1)))
  await lab.post(content('Another', after(2)))
  await lab.post(stub)
  t.same(await lab.message(id), filled, 'what comes later changes nothing')
  t.equal((await history()).length, 1)
})

t.test('a stub behind its content leaves it', async (t) => {
  const lab = await createLab(t, baileys)
  const id = baileys.id(1)
  await lab.post(baileys.text({ id, from, body: 'Hello', at: noon }))
  const before = await lab.message(id)
  await lab.post(upsert(keyOf({ id, from }), { messageStubType: 2 }))
  t.same(await lab.message(id), before)
  t.same([...(await lab.sql`select from pigeonpost.message_history`)], [])
})

t.test('of two accounts in one group each has its own stub filled', async (t) => {
  const lab = await createLab(t, baileys)
  const other = await lab.account({ address: '+27820000009' })
  const id = baileys.id(1)
  const group = baileys.groupId?.(1) ?? ''
  const stub = upsert(keyOf({ id, from, group }), { messageStubType: 2 })
  const content = baileys.text({ id, from, body: 'Hello', at: noon, group })
  t.equal((await lab.send(stub, { account: other })).status, 200)
  t.equal((await lab.send(content)).status, 200)
  t.equal((await lab.send(content, { account: other })).status, 200)
  const rows = await lab.sql`select account_id, body from pigeonpost.messages order by number`
  t.same(
    [...rows],
    [
      { account_id: other, body: 'Hello' },
      { account_id: lab.accountId, body: 'Hello' },
    ],
  )
})

/** Who there is, and how many sittings are open. */
const people = async (lab: Awaited<ReturnType<typeof createLab>>) => {
  const [row] = await lab.sql`
    select (select count(*)::int from pigeonpost.customers c where c.merged_into is null) as customers,
      (select count(*)::int from pigeonpost.threads where status = 'active') as active,
      (select count(distinct conversation_id)::int from pigeonpost.messages) as conversations,
      (select array_agg(address order by address) from pigeonpost.customer_identities) as addresses`
  return row
}

t.test('a LID and a phone become one person by the message that has both', async (t) => {
  const lab = await createLab(t, baileys)
  const say = (n: number, key: object) =>
    lab.post(
      upsert(
        { ...key, fromMe: false, id: baileys.id(n) },
        { message: { conversation: `No. ${n}` } },
        after(n),
      ),
    )
  await say(1, { remoteJid: lid })
  await say(2, { remoteJid: phone })
  t.match(await people(lab), { customers: 2, active: 2, addresses: [from, lid] })
  await say(3, { remoteJid: lid, remoteJidAlt: phone, addressingMode: 'lid' })
  t.match(await people(lab), { customers: 1, active: 1, conversations: 1 })
  t.equal((await lab.messages()).length, 3)
  await say(4, { remoteJid: phone })
  await say(5, { remoteJid: lid })
  t.match(await people(lab), { customers: 1, active: 1, conversations: 1 })
})

t.test('lid-mapping.update alone makes one person of two', async (t) => {
  const lab = await createLab(t, baileys)
  for (const [n, remoteJid] of [lid, phone].entries()) {
    const key = { remoteJid, fromMe: false, id: baileys.id(n) }
    await lab.post(upsert(key, { message: { conversation: 'Hi' } }, after(n)))
  }
  await lab.post(post({ event: 'lid-mapping.update', data: { lid, pn: phone } }))
  t.match(await people(lab), { customers: 1, active: 1, conversations: 1 })
})

t.test('a user id that WhatsApp changes stays the same person', async (t) => {
  const lab = await createLab(t, whatsapp)
  const said = (id: string, user: string) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(
      envelope(
        change({
          contacts: [{ profile: { name: 'Sheena' }, user_id: user }],
          messages: [
            {
              from_user_id: user,
              id,
              timestamp: '1793620800',
              type: 'text',
              text: { body: 'Hi' },
            },
          ],
        }),
      ),
    ),
  })
  const update = {
    wa_id: sheena.wa_id,
    user_id: { previous: bsuid, current: newBsuid },
    timestamp: '1793620801',
  }
  await lab.post(said('wamid.1', bsuid))
  await lab.post({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(envelope(change({ user_id_update: [update] }, 'user_id_update'))),
  })
  await lab.post(said('wamid.2', newBsuid))
  t.match(await people(lab), { customers: 1, active: 1, conversations: 1 })
})

t.test('a time that cannot be is stored as it came, and said to be odd', async (t) => {
  const lab = await createLab(t, fakechatPeer)
  const cases: [Date, string | undefined][] = [
    [new Date('2038-01-19T03:14:07Z'), 'future'],
    [new Date('1970-01-01T00:00:00Z'), 'past'],
    [new Date('2019-06-01T12:00:00Z'), undefined],
    [new Date(Math.floor(Date.now() / 1000) * 1000 + 60_000), undefined],
  ]
  for (const [n, [at, odd]] of cases.entries()) {
    const id = fakechatPeer.id(n)
    await lab.post(fakechatPeer.text({ id, from: fakechatPeer.person(1), body: 'Hi', at }))
    const message = await lab.message(id)
    t.same(message['sent_at'], at)
    t.equal(message['metadata'].sent_at_is, odd)
  }
})

t.test('an echo before the outcome is recorded folds into our row', async (t) => {
  const lab = await createLab(t, fakechatPeer)
  const to = fakechatPeer.person(1)
  const [queued] = await lab.sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body)
    values (1, ${lab.accountId}, 'fakechat', 'outbound', ${to}, 'Hello') returning id`
  const id = queued?.['id']
  const attempt = '0193a5b0-7c00-7000-8000-000000000001'
  await beginSending(lab.sql, id, { attemptId: attempt })
  const echo = (reference: string, message: string) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      platform: 'fakechat',
      user: { id: to },
      message: {
        id: message,
        type: 'text',
        content: 'Hello',
        timestamp: seconds(noon),
        from_me: true,
        reference,
      },
    }),
  })
  await lab.post(echo(attempt, 'fc_out'))
  t.match(await lab.messages(), [{ id, status: 'sent', external_message_id: 'fc_out' }])
  // The outcome, as it is recorded then.
  await lab.sql`
    update pigeonpost.messages set status = 'sent', external_message_id = 'fc_out' where id = ${id}`
  await lab.post({ ...echo(attempt, 'fc_out'), query: '?again' })
  t.equal((await lab.messages()).length, 1, 'and so does one behind it')
  await lab.post(echo('0193a5b0-7c00-7000-8000-000000000002', 'fc_else'))
  t.equal((await lab.messages()).length, 2, 'what others sent is a message of its own')
})
