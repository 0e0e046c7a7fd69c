import type { Test } from 'tap'
import type { Peer, PeerRequest } from '../../support/peer.ts'
import { testApi } from '../http/api.ts'

/** How the server answered, and with what. */
export type Reply = { status: number; text: string }

/** A server with one account of the channel, and what the channel's provider and its people can do to it. */
export async function createLab(t: Test, peer: Peer) {
  const { api, sql, makeKey } = await testApi(t)
  const { channel, account } = peer
  const secretName = `TEST_SECRET_${channel.name.toUpperCase()}`
  if (account.secret !== null) process.env[secretName] = account.secret
  const [row] = await sql<{ id: string }[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider, settings, secret_ref, rate_per_minute, daily_limit)
    values (1, ${account.channel}, ${account.address}, ${account.provider}, ${sql.json(account.settings as never)},
      ${account.secret === null ? null : `env:${secretName}`}, null, null)
    returning id`
  const accountId = row?.id ?? ''
  const { key } = await makeKey({ scopes: ['webhooks'] })
  const at = `${api.url}/api/webhooks/${channel.name}/${accountId}`

  async function send(
    request: PeerRequest,
    change: { sign?: boolean; key?: boolean } = {},
  ): Promise<Reply> {
    const url = `${at}${request.query ?? ''}`
    const {
      method = 'POST',
      headers,
      body,
    } = change.sign === false ? request : peer.sign(request, url)
    const authorized =
      channel.signed || change.key === false ? {} : { authorization: `Bearer ${key}` }
    const response = await fetch(url, {
      method,
      headers: { ...authorized, ...headers },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    })
    return { status: response.status, text: await response.text() }
  }

  return {
    sql,
    accountId,
    send,
    /** Sends, and expects to be taken. */
    async post(request: PeerRequest): Promise<void> {
      const { status, text } = await send(request)
      if (status !== 200) t.fail(`answered ${status}: ${text}`)
    },
    messages: () => sql`select * from pigeonpost.messages order by number`,
    async message(id: string) {
      const rows =
        await sql`select * from pigeonpost.messages where external_message_id = ${id} order by number`
      t.equal(rows.length, 1, `one message ${id}`)
      return rows[0] ?? {}
    },
    inbox: () => sql`select * from pigeonpost.webhook_inbox order by received_at`,
    /** A message of ours that has gone out. */
    async sent(id: string, to: string): Promise<void> {
      await sql`
        insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, external_message_id, body, status)
        values (1, ${accountId}, ${account.channel}, 'outbound', ${to}, ${id}, 'from us', 'sent')`
    },
  }
}
