import type { Sql } from '../../db/connect.ts'
import { asRequest, type KeptRequest, setDigest } from '../../db/inbox/select.ts'
import { asTenant } from '../../db/tenant.ts'
import { createAccounts, readWebhook } from './open.ts'
import { createReceiver, type ReceivedWebhook } from './queue.ts'

export type Replay = (tenantId: number, kept: KeptRequest) => Promise<ReceivedWebhook>

/**
 * Takes kept webhooks once more, as if they came now: what could not be read or stored then may be now, and what is here
 * already is not stored twice. Its row in the inbox tells what became of it. The signature was checked when it came, by
 * headers that are not kept.
 * It is read with the time of its arrival, so that what gives no time of its own has the same time as at the first reading.
 * @throws NotFoundError (`channel_unknown`, `account_unknown`) where the channel or account is gone
 */
export function createReplay(sql: Sql): Replay {
  const run = async <T>(work: (sql: Sql) => Promise<T>): Promise<T> => work(sql)
  const accounts = createAccounts(run)
  const receiver = createReceiver({ run, lanes: 1 })
  return async (tenantId, kept) => {
    const opened = await readWebhook(accounts, {
      tenantId,
      channel: kept.channel,
      accountId: kept.accountId,
      request: asRequest(kept),
    })
    await asTenant(sql, tenantId, (tx) => setDigest(tx, tenantId, kept.id, opened.digest))
    return receiver.store(opened)
  }
}
