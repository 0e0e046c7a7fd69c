import { setImmediate as nextPhase } from 'node:timers/promises'
import type { Sql } from '../../db/connect.ts'
import { asPigeonpostError, retryTransient, UnavailableError } from '../../db/errors.ts'
import { createAccounts, type OpenWebhook, openWebhook, type Webhook } from './open.ts'
import { type ReceivedWebhook, storeWebhooks } from './store.ts'

export { type OpenWebhook, type Webhook } from './open.ts'
export { type ReceivedWebhook, type WebhookError } from './store.ts'

export type Receiver = {
  /** Whose it is, whether the signature is right, what it says. @throws NotFoundError, UnauthorizedError */
  open(webhook: Webhook): Promise<OpenWebhook>
  /**
   * Stores it, and answers after the commit. A redelivery changes nothing.
   * @throws the driver's error where the database could not take anything: the provider should try again.
   * @throws UnavailableError `busy`
   */
  store(webhook: OpenWebhook): Promise<ReceivedWebhook>
}

export type ReceiverOptions = {
  /** Runs work with a pool that has room: what waits for a lock that somebody holds. */
  run: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>
  /** The same for what does not wait; a pool of one connection does them back to back. Default: `run`. */
  plain?: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>
  /** The same for looking up accounts, which is done for who has not proved anything yet. Default: `run`. */
  lookUp?: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>
  /** Transactions at once. Default 2. */
  lanes?: number
  /** ms that one waits for its turn before it is refused. Default 5,000. */
  waitMs?: number
  /** ms that a statement waits for a lock. Default: what the connection has. */
  lockMs?: number
}

/** Webhooks, messages and bytes that one transaction takes at most. */
const maxBatch = { webhooks: 100, items: 500, bytes: 8 * 1024 * 1024 }
/** Maximum number of waiting webhooks; beyond it they are refused with "try again". */
const maxQueued = { webhooks: 2_000, bytes: 256 * 1024 * 1024 }

/**
 * Under load, a webhook that arrives alone waits up to this many ms for others, or until there are enough for a batch:
 * commits of a few cost more than they save in latency (a transaction of 25 takes three times as long as one of 1). When
 * webhooks come one by one, none waits.
 */
const gatherMs = 4
const enough = 25

/** ms that a statement for many waits for a lock, and one for each of them: what waits longer is not to keep others waiting. */
const lockMsOf = { many: 500, each: 100 }

type Waiting = {
  webhook: OpenWebhook
  digest: string
  since: number
  resolve: (received: ReceivedWebhook) => void
  reject: (error: unknown) => void
}

/**
 * Takes webhooks. While its transactions are under way, those that come meanwhile gather for the next: many share a
 * commit, and none waits for another when nothing is under way.
 */
export function createReceiver({
  run,
  plain = run,
  lookUp = run,
  lanes = 2,
  waitMs = 5_000,
  lockMs,
}: ReceiverOptions): Receiver {
  const accounts = createAccounts(lookUp)
  const line: Waiting[] = []
  let open = 0
  let lately = 1
  let gathering: NodeJS.Timeout | null = null
  let watch: NodeJS.Timeout | null = null

  function pump(): void {
    while (open < lanes && line.length > 0) {
      if (lately > 1 && line.length < Math.min(lately * 2, enough)) {
        gathering ??= setTimeout(flush, gatherMs)
        return
      }
      start()
    }
  }

  function flush(): void {
    gathering = null
    if (open < lanes && line.length > 0) start()
    pump()
  }

  function start(): void {
    const batch = takeBatch(line)
    lately = batch.length
    open += 1
    void settle(batch).finally(() => {
      open -= 1
      pump()
    })
  }

  /** Refuses, with "try again", webhooks that have waited too long for a database that does not answer. */
  function refuseLate(): void {
    const since = performance.now() - waitMs
    while (line[0] && line[0].since < since) line.shift()?.reject(busy())
    if (line.length === 0 && watch) {
      clearInterval(watch)
      watch = null
    }
  }

  /**
   * All by one statement. Where that waits too long for a lock, or fails for no reason of theirs, each by itself; and at last,
   * when no other waits for them, those that somebody's lock holds up.
   */
  async function settle(batch: Waiting[]): Promise<void> {
    if (await stores(batch, lockMsOf.many)) return
    const held: Waiting[] = []
    for (const one of batch) if (!(await stores([one], lockMsOf.each))) held.push(one)
    for (const one of held) await stores([one])
  }

  /** Whether they are answered: false where they are to be tried again. The last try, without `hurryMs`, answers always. */
  async function stores(batch: Waiting[], hurryMs?: number): Promise<boolean> {
    const webhooks = batch.map(({ webhook }) => webhook)
    const pool = hurryMs === undefined ? run : plain
    const limit = hurryMs === undefined ? lockMs : Math.min(hurryMs, lockMs ?? Infinity)
    try {
      const received = await pool(async (sql) =>
        retryTransient(async () => storeWebhooks(sql, webhooks, { lockMs: limit })),
      )
      for (const [i, one] of batch.entries()) one.resolve(received[i] as ReceivedWebhook)
      return true
    } catch (error) {
      const failed = asPigeonpostError(error)
      const isLocked =
        failed instanceof UnavailableError &&
        /^(55P03|40001|40P01)$/.test(failed.details.sqlState ?? '')
      const isGone = failed instanceof UnavailableError && !isLocked
      // Behind a database that cannot be reached none is tried by itself.
      if (hurryMs !== undefined && !isGone && (isLocked || batch.length > 1)) return false
      for (const one of batch) one.reject(error)
      return true
    }
  }

  return {
    open: async (webhook) => {
      // All that the sockets brought in this turn of the loop is read one after the other: between one read from a socket
      // and the next it takes more than twice as long (45 us and 20), for its code is not in the caches any more.
      await nextPhase()
      return openWebhook(accounts, webhook)
    },
    store: async (webhook) =>
      new Promise((resolve, reject) => {
        const bytes = line.reduce((sum, one) => sum + one.webhook.request.body.length, 0)
        if (line.length >= maxQueued.webhooks || bytes > maxQueued.bytes) {
          reject(busy())
          return
        }
        const digest = webhook.digest.toString('base64')
        line.push({ webhook, digest, since: performance.now(), resolve, reject })
        watch ??= setInterval(refuseLate, 500).unref()
        pump()
      }),
  }
}

function busy(): UnavailableError {
  return new UnavailableError('Too many webhooks at once', {
    code: 'busy',
    hint: 'Try again in a second.',
  })
}

/** The next of one tenant, as many as one transaction takes; no delivery twice. */
function takeBatch(line: Waiting[]): Waiting[] {
  const batch: Waiting[] = []
  const digests = new Set<string>()
  const left = { ...maxBatch }
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

/** Stores one webhook, like a Receiver; for callers that have only an occasional one. */
export async function receiveWebhook(sql: Sql, webhook: Webhook): Promise<ReceivedWebhook> {
  const receiver = createReceiver({ run: async (work) => work(sql) })
  return receiver.store(await receiver.open(webhook))
}
