import t from 'tap'
import { findKeptRequest } from '../../../../db/inbox/select.ts'
import { png } from '../../../support/files.ts'
import { mime, mimePeer } from '../email/peer.ts'
import { createLab } from '../lab.ts'

const at = new Date('2026-11-02T12:00:00Z')

t.test(
  'a file that came inside its webhook leads back to it, and to nothing of others',
  async (t) => {
    const lab = await createLab(t, mimePeer)
    const { sql } = lab
    const what = { id: 'm1@mail.example.com', from: 'ann@example.com', at }
    const headers = { 'content-type': 'message/rfc822' }
    const body = mime(what, 'Analysis', { filename: 'photo.png', type: 'image/png', content: png })
    await lab.post({ headers, body, query: '?list=a%26b&token=secret' })
    await lab.post({
      headers: { ...headers, 'x-retry': '1' },
      body: `${body}\r\n`,
      query: '?again=1',
    })
    const [{ details }] = (await lab.message(what.id))['metadata'].media
    const found = await findKeptRequest(sql, 1, details.webhook)
    t.equal(found?.channel, 'email')
    t.match(found?.request, {
      method: 'POST',
      path: `/api/webhooks/email/${lab.accountId}`,
      query: { list: 'a&b' },
      headers,
    })
    t.notMatch(JSON.stringify(found), 'secret')
    t.equal(
      found?.request.body.toString(),
      body,
      'the first delivery, which the message was made of',
    )
    await sql`insert into pigeonpost.tenants (tenant_id) values (2) on conflict do nothing`
    t.equal(await findKeptRequest(sql, 2, details.webhook), null)
    for (const digest of [
      '',
      'x',
      details.webhook.slice(2),
      `${details.webhook}00`,
      '0'.repeat(64),
    ]) {
      t.equal(await findKeptRequest(sql, 1, digest), null)
    }
  },
)
