import t from 'tap'
import { genericPeer } from '../channels/email/peer.ts'
import { createLab, createPipeline } from '../channels/lab.ts'
import { peer as sendgridPeer } from '../channels/sendgrid/peer.ts'
import { peer as sms } from '../channels/sms/peer.ts'
import { smsPeer as twilio } from '../channels/twilio/peer.ts'
import { peer as whatsapp } from '../channels/whatsapp/peer.ts'
import { change, envelope } from '../channels/whatsapp/samples.ts'

const noon = new Date('2026-11-02T12:00:00Z')

const text = (id: string, from = '+18045550001', to?: string) => {
  const request = sms.text({ id, from, body: `This is ${id}`, at: noon })
  const body = JSON.parse(String(request.body))
  return { ...request, body: JSON.stringify({ ...body, ...(to ? { to } : {}) }) }
}

t.test('on the bare path the address of ours picks the account', async (t) => {
  const lab = await createLab(t, sms)
  const other = await lab.account({ address: '+12016660002' })
  await lab.send(text('a', undefined, '+1 (201) 666-0002'), { account: null })
  await lab.send(text('b'), { account: null })
  t.equal((await lab.message('a'))['account_id'], other)
  t.equal((await lab.message('b'))['account_id'], lab.accountId)
})

t.test('an account in the path goes before the address', async (t) => {
  const lab = await createLab(t, sms)
  await lab.account({ address: '+12016660002' })
  await lab.post(text('a', undefined, '+12016660002'))
  await lab.post(text('b', undefined, '+12016660009'))
  t.equal((await lab.message('a'))['account_id'], lab.accountId)
  t.equal((await lab.message('b'))['account_id'], lab.accountId)
  t.equal((await lab.sql`select from pigeonpost.accounts`).length, 2, 'and none is opened')
})

t.test('where one webhook serves all numbers of an app, the number goes first', async (t) => {
  const lab = await createLab(t, whatsapp)
  const other = await lab.account({ address: '+15550009999' })
  const message = { from: '16505551234', id: 'wamid.two', timestamp: '1793620800', type: 'text' }
  const to = (display_phone_number: string, id: string) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(
      envelope(
        change({
          metadata: { display_phone_number, phone_number_id: '1' },
          messages: [{ ...message, id, text: { body: 'Hi' } }],
        }),
      ),
    ),
  })
  await lab.post(to('15550009999', 'wamid.other'))
  await lab.post(to('15550007777', 'wamid.unknown'))
  t.equal((await lab.message('wamid.other'))['account_id'], other)
  t.equal((await lab.message('wamid.unknown'))['account_id'], lab.accountId)
  t.equal((await lab.sql`select from pigeonpost.accounts`).length, 2)
})

t.test("an account's webhook brings the other channel's messages to their own", async (t) => {
  const lab = await createLab(t, twilio)
  await lab.sql`
    insert into pigeonpost.accounts (tenant_id, channel, address, is_default) values (1, 'whatsapp', '+15005550001', true)`
  const [own] = await lab.sql`
    insert into pigeonpost.accounts (tenant_id, channel, address) values (1, 'whatsapp', ${twilio.account.address}) returning id`
  const id = twilio.id(1)
  const request = twilio.text({ id, from: twilio.person(1), body: 'Hi', at: noon })
  const form = new URLSearchParams(String(request.body))
  for (const name of ['From', 'To']) form.set(name, `whatsapp:${form.get(name)}`)
  await lab.post({ ...request, body: String(form) })
  t.match(await lab.message(id), { channel: 'whatsapp', account_id: own?.['id'] })
})

for (const [peer, address] of [
  [sms, '+12016660042'],
  [genericPeer, 'new@pigeonpost.example'],
] as const) {
  t.test(`${peer.channel.name} opens one account for an address of ours that is new`, async (t) => {
    const lab = await createLab(t, peer)
    const answers = await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        const what = { id: peer.id(n), from: peer.person(n), body: 'Hi', at: noon }
        const request = peer.text(what)
        const body = JSON.stringify({ ...JSON.parse(String(request.body)), to: address })
        return lab.send({ ...request, body }, { account: null })
      }),
    )
    t.ok(answers.every(({ status }) => status === 200))
    const rows = await lab.sql`
      select id, channel, rate_per_minute, burst, daily_limit from pigeonpost.accounts where address = ${address}`
    t.match(rows, [
      { channel: peer.account.channel, rate_per_minute: 20, burst: 1, daily_limit: 1000 },
    ])
    const [row] = await lab.sql`
      select count(*)::int as count from pigeonpost.messages where account_id = ${rows[0]?.['id']}`
    t.equal(row?.['count'], 8)
  })
}

t.test('an account is opened whatever else comes at the same moment', async (t) => {
  const { sql: db, store } = await createPipeline(t)
  const twilioForm = { AccountSid: 'AC1', From: '+18045550002', To: '+12016660042' }
  const generic = JSON.parse(text('first', undefined, '+12016660042').body)
  const answers = await store([
    { channel: 'sms', payload: generic },
    {
      channel: 'twilio',
      payload: String(new URLSearchParams({ ...twilioForm, MessageSid: 'SM1', Body: 'Hi' })),
    },
  ])
  t.match(answers, [{ status: 'processed' }, { status: 'processed' }])
  const rows = await db`
    select a.address from pigeonpost.messages m join pigeonpost.accounts a on a.id = m.account_id
    where m.external_message_id = 'first'`
  t.same([...rows], [{ address: '+12016660042' }])
})

t.test("a signed channel stores under the tenant of the path's account", async (t) => {
  const lab = await createLab(t, whatsapp)
  const theirs = await lab.account({ tenantId: 2, address: '+15550009999' })
  const { key } = await lab.makeKey()
  const id = whatsapp.id(1)
  const request = whatsapp.text({ id, from: whatsapp.person(1), body: 'Hi', at: noon })
  // The key of another tenant says nothing here.
  const headers = { ...request.headers, authorization: `Bearer ${key}` }
  t.match(await lab.send({ ...request, headers }, { account: theirs }), { status: 200 })
  t.match(await lab.message(id), { tenant_id: 2, account_id: theirs })
  t.match(await lab.inbox(), [{ tenant_id: 2, account_id: theirs }])
  t.same([...(await lab.sql`select from pigeonpost.messages where tenant_id = 1`)], [])
})

t.test("a key's tenant has no account of another's", async (t) => {
  const lab = await createLab(t, sms)
  const theirs = await lab.account({ tenantId: 2, address: '+12016660002' })
  const { status, text: said } = await lab.send(text('a'), { account: theirs })
  t.equal(status, 404)
  t.match(JSON.parse(said), { code: 'account_unknown' })
  t.same([...(await lab.inbox())], [])
})

t.test("asking for another tenant's account does not keep its webhooks from it", async (t) => {
  const lab = await createLab(t, whatsapp)
  const theirs = await lab.account({ tenantId: 2, address: '+15550009999' })
  const { key } = await lab.makeKey()
  const asked = await fetch(`${lab.api.url}/api/webhooks/sms/${theirs}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: text('a').body,
  })
  t.equal(asked.status, 404)
  const id = whatsapp.id(1)
  const request = whatsapp.text({ id, from: whatsapp.person(1), body: 'Hi', at: noon })
  t.match(await lab.send(request, { account: theirs }), { status: 200 })
  t.match(await lab.message(id), { tenant_id: 2 })
})

t.test('the key may be the password of Basic, and of nothing else', async (t) => {
  const lab = await createLab(t, sms)
  const send = async (id: string, user: string, password: string) => {
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const request = text(id)
    return lab.send({ ...request, headers: { ...request.headers, authorization } }, { key: false })
  }
  const { key } = await lab.makeKey({ scopes: ['webhooks'] })
  t.equal((await send('a', 'provider', key)).status, 200)
  t.equal((await send('b', '', key)).status, 200)
  t.equal((await send('c', key, 'x')).status, 401)
  t.equal((await send('d', key, '')).status, 401)
  t.equal((await lab.messages()).length, 2)
  t.notMatch(JSON.stringify(await lab.sql`select headers from pigeonpost.webhook_inbox`), /Basic/)
})

t.test('refused signatures are counted at /metrics, by channel', async (t) => {
  const lab = await createLab(t, whatsapp)
  const { key } = await lab.makeKey({ scopes: ['metrics'] })
  const count = async () => {
    const answer = await fetch(`${lab.api.url}/metrics`, {
      headers: { authorization: `Bearer ${key}` },
    })
    const line =
      /^pigeonpost_webhook_signatures_refused_total\{.*channel="whatsapp".*\} (\d+)$/m.exec(
        await answer.text(),
      )
    return Number(line?.[1] ?? 0)
  }
  const before = await count()
  const what = { id: whatsapp.id(1), from: whatsapp.person(1), body: 'Hi', at: noon }
  for (let n = 0; n < 3; n += 1) {
    t.equal((await lab.send(whatsapp.text(what), { sign: false })).status, 401)
  }
  await lab.post(whatsapp.text(what))
  t.equal(await count(), before + 3)
})

t.test('a token in the URL proves who it is, and is not kept', async (t) => {
  const lab = await createLab(t, sendgridPeer)
  const [id, from] = [sendgridPeer.id(1), sendgridPeer.person(1)]
  const mail = sendgridPeer.text({ id, from, body: 'Hello', at: noon })
  const post = async (query: string) => (await lab.send({ ...mail, query }, { sign: false })).status
  t.equal(await post('?token=wrong'), 401)
  t.equal(await post('?token=let-me-in&from=parse'), 200)
  t.equal((await lab.messages()).length, 1)
  const [kept] = await lab.inbox()
  t.equal(kept?.['path'], `/api/webhooks/sendgrid/${lab.accountId}?from=parse`)
})
