import t from 'tap'
import type { PeerRequest } from '../../support/peer.ts'
import { genericPeer, mime, mimePeer } from '../channels/email/peer.ts'
import { fakechatPeer } from '../channels/fakechat/peer.ts'
import { createLab, createPipeline } from '../channels/lab.ts'
import { peer as sms } from '../channels/sms/peer.ts'
import { telegramPeer } from '../channels/telegram/peer.ts'

const noon = new Date('2026-11-02T12:00:00Z')
const after = (seconds: number): Date => new Date(noon.getTime() + seconds * 1000)

/** A mail with lines of its own in the head. */
function mail(what: { id: string; from: string; at?: Date }, ...head: string[]) {
  const body = mime({ at: noon, ...what }, 'Thank you')
  return {
    headers: { 'content-type': 'message/rfc822' },
    body: body.replace('MIME-Version', [...head, 'MIME-Version'].join('\r\n')),
  }
}

for (const peer of [sms, genericPeer]) {
  t.test(
    `${peer.channel.name}: what was sent from A to B and its answer are one talk`,
    async (t) => {
      const lab = await createLab(t, peer)
      const b = peer.person(1)
      await lab.sql`
      insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body)
      values (1, ${lab.accountId}, ${peer.account.channel}, 'outbound', ${b}, 'Hello')`
      await lab.send(peer.text({ id: peer.id(1), from: b, body: 'Yes?', at: noon }), {
        account: null,
      })
      await lab.post(peer.text({ id: peer.id(2), from: b, body: 'Well?', at: after(9) }))
      const rows = await lab.sql`
      select count(*)::int as messages, count(distinct conversation_id)::int as conversations, count(distinct thread_id)::int as threads
      from pigeonpost.messages`
      t.same([...rows], [{ messages: 3, conversations: 1, threads: 1 }])
    },
  )

  t.test(`${peer.channel.name}: attachments are none, one or several`, async (t) => {
    const lab = await createLab(t, peer)
    const url = (name: string) => `https://files.example.com/${name}`
    const cases: [unknown, string, string | null, string[]][] = [
      [null, 'text', null, []],
      [[], 'text', null, []],
      [[url('a.jpg')], 'image', url('a.jpg'), [url('a.jpg')]],
      [[url('b.pdf'), url('a.jpg')], 'file', url('b.pdf'), [url('b.pdf'), url('a.jpg')]],
    ]
    for (const [n, [attachments, content_type, media_url, urls]] of cases.entries()) {
      const what = { id: peer.id(n), from: peer.person(1), body: 'See', at: after(n) }
      const request = peer.text(what)
      const body = JSON.stringify({ ...JSON.parse(String(request.body)), attachments })
      await lab.post({ ...request, body })
      const message = await lab.message(peer.id(n))
      t.match(message, { content_type, media_url, body: 'See' })
      t.same(
        (message['metadata'].media ?? []).map((one: { url: string }) => one.url),
        urls,
      )
    }
  })
}

t.test('a mail joins the talk of what it answers, if it is from whom that went to', async (t) => {
  const lab = await createLab(t, mimePeer)
  const [ann, bob] = ['Ann@Example.com', 'bob@example.com']
  await lab.sent('ours-1@pigeonpost.example', 'ann@example.com')
  const ours = await lab.message('ours-1@pigeonpost.example')
  const answer = ['In-Reply-To: <ours-1@pigeonpost.example>']
  await lab.post(mail({ id: 'r1@example.com', from: ann }, ...answer))
  await lab.post(mail({ id: 'r2@example.com', from: bob }, ...answer))
  await lab.post(mail({ id: 'new@example.com', from: ann }))
  const joined = await lab.message('r1@example.com')
  t.match(joined, {
    conversation_id: ours['conversation_id'],
    thread_id: ours['thread_id'],
    reply_to_id: ours['id'],
    metadata: { reply_to: 'ours-1@pigeonpost.example' },
  })
  const foreign = await lab.message('r2@example.com')
  t.not(foreign['conversation_id'], ours['conversation_id'], 'not by somebody else')
  const fresh = await lab.message('new@example.com')
  t.not(fresh['conversation_id'], ours['conversation_id'], 'nor what answers nothing')
  t.not(fresh['conversation_id'], foreign['conversation_id'])
  t.equal(fresh['customer_id'], joined['customer_id'])
})

t.test('mails with the same References are of one talk, in any order', async (t) => {
  const lab = await createLab(t, mimePeer)
  const from = 'ann@example.com'
  const references = 'References: <root@example.com>'
  await lab.post(mail({ id: 'second@example.com', from, at: after(9) }, references))
  await lab.post(mail({ id: 'first@example.com', from }, references))
  await lab.post(mail({ id: 'root@example.com', from }))
  const rows = await lab.sql`select distinct conversation_id from pigeonpost.messages`
  t.equal(rows.length, 1)
})

t.test('what is answered is known by its id, and is found where it is here', async (t) => {
  const lab = await createLab(t, fakechatPeer)
  const say = (n: number, replyTo?: string) => {
    const what = { id: `fc_${n}`, from: fakechatPeer.person(1), body: 'Hi', at: after(n) }
    const request = fakechatPeer.text(what)
    const payload = JSON.parse(String(request.body))
    if (replyTo) payload.message.reply_to = replyTo
    return lab.post({ ...request, body: JSON.stringify(payload) })
  }
  await say(1)
  await say(2, 'fc_1')
  await say(3, 'fc_9')
  const { id } = await lab.message('fc_1')
  t.match(await lab.message('fc_1'), { reply_to_id: null })
  t.match(await lab.message('fc_2'), { reply_to_id: id, metadata: { reply_to: 'fc_1' } })
  t.match(await lab.message('fc_3'), { reply_to_id: null, metadata: { reply_to: 'fc_9' } })
})

t.test('an answer that comes with what it answers finds it', async (t) => {
  const { sql, store } = await createPipeline(t)
  const chat = (id: string, reply_to?: string) => ({
    channel: 'fakechat',
    payload: {
      platform: 'fakechat',
      user: { id: '+27831234567' },
      message: { id, type: 'text', content: id, timestamp: 1_793_620_800, reply_to },
    },
  })
  // The first two leave the rest to gather.
  await store([chat('x'), chat('y'), chat('answer', 'parent'), chat('parent'), chat('z', 'answer')])
  const rows = await sql`
    select m.body, p.body as parent from pigeonpost.messages m left join pigeonpost.messages p on p.id = m.reply_to_id
    where m.body in ('answer', 'parent', 'z') order by 1`
  t.same(
    [...rows],
    [
      { body: 'answer', parent: 'parent' },
      { body: 'parent', parent: null },
      { body: 'z', parent: 'answer' },
    ],
  )
})

t.test('what is answered is looked for at the account that the answer came to', async (t) => {
  const lab = await createLab(t, fakechatPeer)
  const other = await lab.account({ address: '+27820000009' })
  const group = 'group-1'
  const say = async (n: number, account: string, replyTo?: string) => {
    const what = { id: `fc_${n}`, from: fakechatPeer.person(1), body: 'Hi', at: after(n), group }
    const request = fakechatPeer.text(what)
    const payload = JSON.parse(String(request.body))
    if (replyTo) payload.message.reply_to = replyTo
    const { status } = await lab.send({ ...request, body: JSON.stringify(payload) }, { account })
    t.equal(status, 200)
  }
  // Both numbers are in the group, and hear everything under the same ids.
  for (const account of [lab.accountId, other]) await say(1, account)
  for (const account of [lab.accountId, other]) await say(2, account, 'fc_1')
  const rows = await lab.sql`
    select m.account_id, p.account_id as parent from pigeonpost.messages m left join pigeonpost.messages p on p.id = m.reply_to_id
    where m.external_message_id = 'fc_2' order by m.number`
  t.same(
    [...rows],
    [lab.accountId, other].map((id) => ({ account_id: id, parent: id })),
  )
})

const groupId = telegramPeer.groupId(1)
const supergroup = telegramPeer.groupId(2)
const inGroup = (n: number, group: string) => {
  const about = { from: telegramPeer.person(1), at: after(n), group }
  return telegramPeer.text({ ...about, id: telegramPeer.id(n, group), body: 'Hi' })
}
/** A service message of the group's. */
const service = (n: number, group: string, content: object) => {
  const request = inGroup(n, group)
  const payload = JSON.parse(String(request.body))
  delete payload.message.text
  return {
    ...request,
    body: JSON.stringify({ ...payload, message: { ...payload.message, ...content } }),
  }
}

t.test("a group's new name stands, and a group that is not here is passed over", async (t) => {
  const lab = await createLab(t, telegramPeer)
  const groups = () =>
    lab.sql`select external_id, group_name from pigeonpost.conversations where type = 'group' order by number`
  await lab.post(inGroup(1, groupId))
  t.same([...(await groups())], [{ external_id: groupId, group_name: 'Family' }])
  await lab.post(service(2, groupId, { new_chat_title: 'The family' }))
  t.same([...(await groups())], [{ external_id: groupId, group_name: 'The family' }])
  await lab.post(
    service(3, telegramPeer.groupId(7), { migrate_to_chat_id: Number(telegramPeer.groupId(8)) }),
  )
  t.equal((await groups()).length, 1)
})

t.test('a group that moves keeps its conversation', async (t) => {
  const lab = await createLab(t, telegramPeer)
  await lab.post(inGroup(1, groupId))
  await lab.post(service(2, groupId, { migrate_to_chat_id: Number(supergroup) }))
  await lab.post(service(3, supergroup, { migrate_from_chat_id: Number(groupId) }))
  await lab.post(inGroup(4, supergroup))
  const rows =
    await lab.sql`select external_id, (select count(*)::int from pigeonpost.messages) as messages from pigeonpost.conversations`
  t.same([...rows], [{ external_id: supergroup, messages: 2 }])
})

t.test('a group that moves keeps it also where everything comes at once', async (t) => {
  const { sql, store } = await createPipeline(t)
  const payload = ({ body }: PeerRequest) => ({
    channel: 'telegram',
    payload: JSON.parse(String(body)),
  })
  await store([payload(inGroup(1, groupId))])
  // The first two leave the rest to gather.
  await store([
    ...[5, 6].map((n) => payload(inGroup(n, telegramPeer.groupId(9)))),
    payload(inGroup(2, groupId)),
    payload(service(3, groupId, { migrate_to_chat_id: Number(supergroup) })),
    payload(inGroup(4, supergroup)),
  ])
  const rows = await sql`
    select c.external_id, count(*)::int as messages from pigeonpost.messages m
    join pigeonpost.conversations c on c.id = m.conversation_id
    where c.external_id <> ${telegramPeer.groupId(9)} group by 1`
  t.same([...rows], [{ external_id: supergroup, messages: 3 }])
})
