import type { Test } from 'tap'
import { createReceiver, type ReceivedWebhook } from '../../../adapters/inbound/queue.ts'
import { connect } from '../../../db/connect.ts'
import { testDatabase } from '../../support/database.ts'
import type { Peer, PeerRequest } from '../../support/peer.ts'
import { testApi } from '../http/support/api.ts'

/** How the server answered, and with what. */
export type Reply = { status: number; text: string }

/** A server with one account of the channel, and what the channel's provider and its people can do to it. */
export async function createLab(t: Test, peer: Peer) {
  const { api, sql, makeKey, database } = await testApi(t)
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

  async function send(
    request: PeerRequest,
    change: { sign?: boolean; key?: boolean; account?: string | null } = {},
  ): Promise<Reply> {
    const { account: path = accountId } = change
    const url = `${api.url}/api/webhooks/${channel.name}${path === null ? '' : `/${path}`}${request.query ?? ''}`
    const {
      method = 'POST',
      headers,
      body,
    } = change.sign === false ? request : peer.sign(request, url)
    const authorized =
      (channel.signed && path !== null) || change.key === false
        ? {}
        : { authorization: `Bearer ${key}` }
    const response = await fetch(url, {
      method,
      headers: { ...authorized, ...headers },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    })
    return { status: response.status, text: await response.text() }
  }

  return {
    /** The database's. */
    url: database.url,
    sql,
    accountId,
    api,
    makeKey,
    send,
    /** Another account of the channel, with the same secret. */
    async account(about: { tenantId?: number; address: string }): Promise<string> {
      const [other] = await sql<{ id: string }[]>`
        insert into pigeonpost.accounts (tenant_id, channel, address, provider, secret_ref)
        values (${about.tenantId ?? 1}, ${account.channel}, ${about.address}, ${account.provider},
          ${account.secret === null ? null : `env:${secretName}`})
        returning id`
      return other?.id ?? ''
    },
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

/** Webhooks of tenants 1 and 2 that come to the receiver at the same moment, without a server before it. */
export async function createPipeline(t: Test) {
  const { url, sql } = await testDatabase(t)
  const pool = connect(url, { max: 2 })
  t.teardown(() => pool.end())
  await sql`insert into pigeonpost.tenants (tenant_id) values (1), (2)`
  const receiver = createReceiver({ run: async (work) => work(pool) })
  const path = (channel: string) => `/api/webhooks/${channel}`
  const form = 'application/x-www-form-urlencoded'
  return {
    sql,
    async store(
      webhooks: {
        channel: string
        payload: unknown
        tenantId?: number
        accountId?: string
      }[],
    ): Promise<ReceivedWebhook[]> {
      const opened = await Promise.all(
        webhooks.map(async ({ channel, payload, tenantId = 1, accountId = null }) =>
          receiver.open({
            tenantId,
            channel,
            accountId,
            request: {
              method: 'POST',
              url: path(channel),
              path: path(channel),
              query: {},
              receivedAt: new Date(),
              headers: { 'content-type': typeof payload === 'string' ? form : 'application/json' },
              body: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
            },
          }),
        ),
      )
      return Promise.all(opened.map(async (one) => receiver.store(one)))
    },
  }
}
