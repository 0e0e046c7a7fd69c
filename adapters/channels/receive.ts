import type { Sql, Transaction } from '../../db/connect.ts'
import { retryTransient, Unavailable } from '../../db/errors.ts'
import { asTenant } from '../../db/tenant.ts'
import { createAccounts, type OpenWebhook, openWebhook, type Webhook } from './open.ts'
import { type KnownAddresses, type ReceivedWebhook, storeAlone, storeTogether } from './store.ts'

export { type OpenWebhook, type Webhook } from './open.ts'
export { type ReceivedWebhook, type WebhookError } from './store.ts'

export interface Receiver {
  /** Whose it is, whether the signature is right, what it says. @throws NotFound, Unauthorized */
  open(webhook: Webhook): Promise<OpenWebhook>
  /**
   * Stores it, and answers after the commit. A redelivery changes nothing.
   * @throws the driver's error where the database could not take anything: the provider should try again.
   * @throws Unavailable `busy`
   */
  store(webhook: OpenWebhook): Promise<ReceivedWebhook>
}

export interface ReceiverOptions {
  /** Runs work with a pool that has room. */
  run: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>
  /** Transactions at once. */
  lanes?: number
}

/** Webhooks, messages and bytes that one transaction takes at most. */
const most = { webhooks: 100, items: 500, bytes: 8 * 1024 * 1024 }
const longestLine = 2_000

type Waiting = {
  webhook: OpenWebhook
  digest: string
  resolve: (received: ReceivedWebhook) => void
  reject: (error: unknown) => void
}

/**
 * Takes webhooks. While its transactions are under way, those that come meanwhile gather for the next: many share a
 * commit, and none waits for another when nothing is under way.
 */
export function createReceiver({ run, lanes = 2 }: ReceiverOptions): Receiver {
  const accounts = createAccounts(run)
  const known: KnownAddresses = new Map()
  const line: Waiting[] = []
  let open = 0

  function pump(): void {
    while (open < lanes && line.length > 0) {
      const batch = takeBatch(line)
      open += 1
      void settle(batch).finally(() => {
        open -= 1
        pump()
      })
    }
  }

  async function settle(batch: Waiting[]): Promise<void> {
    try {
      const webhooks = batch.map(({ webhook }) => webhook)
      const received = await inTransaction(webhooks, (tx) => storeTogether(tx, webhooks, known))
      for (const [i, one] of batch.entries()) one.resolve(received[i] as ReceivedWebhook)
    } catch (error) {
      if (error instanceof Unavailable) {
        for (const one of batch) one.reject(error)
        return
      }
      // One of them cannot be stored, or the database takes none: each finds out for itself.
      for (const { webhook, resolve, reject } of batch) {
        await inTransaction([webhook], (tx) => storeAlone(tx, webhook, known)).then(resolve, reject)
      }
    }
  }

  function inTransaction<T>(
    [webhook]: OpenWebhook[],
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    return run(async (sql) =>
      retryTransient(async () => asTenant(sql, webhook?.tenantId ?? 0, work)),
    )
  }

  return {
    open: async (webhook) => openWebhook(accounts, webhook),
    store: async (webhook) =>
      new Promise((resolve, reject) => {
        if (line.length >= longestLine) {
          reject(
            new Unavailable('Too many webhooks at once', {
              code: 'busy',
              hint: 'Try again in a second.',
            }),
          )
          return
        }
        line.push({ webhook, digest: webhook.digest.toString('base64'), resolve, reject })
        pump()
      }),
  }
}

/** The next of one tenant, as many as one transaction takes; no delivery twice. */
function takeBatch(line: Waiting[]): Waiting[] {
  const batch: Waiting[] = []
  const digests = new Set<string>()
  const left = { ...most }
  for (let i = 0; i < line.length && left.webhooks > 0;) {
    const one = line[i] as Waiting
    const { tenantId, content, request } = one.webhook
    const items = 'messages' in content ? content.messages.length + content.updates.length : 0
    const fits =
      batch.length === 0 ||
      (tenantId === batch[0]?.webhook.tenantId &&
        !digests.has(one.digest) &&
        items <= left.items &&
        request.body.length <= left.bytes)
    if (!fits) {
      i += 1
      continue
    }
    line.splice(i, 1)
    batch.push(one)
    digests.add(one.digest)
    left.webhooks -= 1
    left.items -= items
    left.bytes -= request.body.length
  }
  return batch
}

/** Takes one webhook, as a Receiver does; for whoever has only now and then one. */
export async function receiveWebhook(sql: Sql, webhook: Webhook): Promise<ReceivedWebhook> {
  const receiver = createReceiver({ run: async (work) => work(sql) })
  return receiver.store(await receiver.open(webhook))
}
