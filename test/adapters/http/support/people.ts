import type { Test } from 'tap'
import { testApi } from './api.ts'

/** The server with an account of the simulator, a way to be written to, and another tenant's key. */
export async function withPeople(t: Test) {
  const api = await testApi(t)
  const { sql, makeKey } = api
  const addAccount = async (change: object = {}) => {
    const row = { tenant_id: 1, channel: 'fakechat', address: '+15550001000', ...change }
    const [account] = await sql`insert into pigeonpost.accounts ${sql(row)} returning id`
    return String(account?.['id'])
  }
  const accountId = await addAccount()
  let said = 0
  const say = async (address: string, body = 'Hello', change: object = {}) => {
    said += 1
    const row = {
      tenant_id: 1,
      channel: 'fakechat',
      direction: 'inbound',
      address,
      external_message_id: `m${said}`,
      body,
      ...change,
    }
    const [message] = await sql`insert into pigeonpost.messages ${sql(row)} returning *`
    if (!message) throw new Error('nothing was stored')
    return message
  }
  const addCustomer = async (change: object = {}) => {
    const [customer] = await sql`
      insert into pigeonpost.customers ${sql({ tenant_id: 1, ...change })} returning id`
    return String(customer?.['id'])
  }
  const other = { authorization: `Bearer ${(await makeKey({ tenantId: 2 })).key}` }
  return {
    ...api,
    addAccount,
    accountId,
    say,
    addCustomer,
    other,
    patch: (path: string, body: unknown, headers?: Record<string, string>) =>
      api.call('PATCH', path, body, headers),
    remove: (path: string, headers?: Record<string, string>) =>
      api.call('DELETE', path, undefined, headers),
  }
}

export const nowhere = '01900000-0000-7000-8000-000000000000'
