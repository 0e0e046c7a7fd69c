/**
 * fakechat's other side: takes messages, keeps a journal of what it took, and reports what became of them by webhook.
 * It is as forgetful and as stubborn as a real one: receipts may come before our commit, come again after a crash,
 * and are tried until they are taken.
 */

import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { WebhookRequest } from '../channel.ts'
import type { Acknowledgement, Journal } from './journal.ts'

/** A webhook for an account of ours, as receiveWebhook takes it. */
export type FakechatWebhook = {
  tenantId: number
  accountId: string
  request: WebhookRequest
}

export type SimulatorOptions = {
  journal: Journal
  /** Where webhooks go; one that rejects is tried again until it does not. */
  deliver: (webhook: FakechatWebhook) => Promise<unknown>
  /** Told of every webhook that was not taken. */
  warn: (error: unknown) => void
  /** ms from the acknowledgement to the delivery. Default 100. */
  deliveredAfter?: number
  /** ms from the acknowledgement to the reading, and to the reply where one was asked for. Default 400. */
  readAfter?: number
}

export type SimulatorRequest = Omit<Acknowledgement, 'at' | 'external_message_id' | 'reply'> & {
  body: string | null
  /** Answer a second request with the same attempt id as the first, and take it once. */
  idempotent: boolean
}

/** An HTTP answer, but for the HTTP. */
export type SimulatorResponse =
  | { status: 200; id: string }
  | { status: 429; retryAfterSeconds: number }
  | { status: 400 | 500; code: string; message: string }

export type Simulator = {
  /** @throws AbortError when `signal` fires, or the simulator closes, before it has answered. */
  take(request: SimulatorRequest, signal: AbortSignal): Promise<SimulatorResponse>
  close(): Promise<void>
}

type Report = {
  due: number
  status: 'delivered' | 'read'
  line: Acknowledgement
}

/** Receipts in one webhook: providers batch them too. */
const batchSize = 100

export function startSimulator(options: SimulatorOptions): Simulator {
  const { journal, deliver, warn, deliveredAfter = 100, readAfter = 400 } = options
  const closing = new AbortController()
  const turnedAway = new Set<string>()
  let reports: Report[] = []
  let sleepingUntil = 0
  let wake = Promise.withResolvers<void>()

  const schedule = (line: Acknowledgement) => {
    const now = Date.now()
    reports.push({ due: now + deliveredAfter, status: 'delivered', line })
    reports.push({ due: now + readAfter, status: 'read', line })
    if (now + Math.min(deliveredAfter, readAfter) < sleepingUntil) wake.resolve()
  }

  const sendBatch = async (batch: Report[]) => {
    const [first] = batch
    if (!first) return
    const { status, line } = first
    try {
      const receipts = batch.map(({ line }) => ({
        message_id: line.external_message_id,
        reference: line.attempt_id,
        status,
        timestamp: Date.now(),
      }))
      await deliver(webhook(line, { receipts }))
      if (status === 'read') {
        for (const { line } of batch) {
          // Before it is marked: a reply is never lost, and a second one has the same id.
          if (line.reply) await deliver(webhook(line, reply(line)))
          await journal.markReported(line.external_message_id)
        }
      }
    } catch (error) {
      warn(error)
      reports.push(...batch.map((report) => ({ ...report, due: Date.now() + 1000 })))
    }
  }

  const report = async () => {
    journal.unreported().forEach(schedule)
    while (!closing.signal.aborted) {
      const now = Date.now()
      const due = reports.filter((report) => report.due <= now)
      if (due.length > 0) {
        reports = reports.filter((report) => report.due > now)
        // Deliveries before readings, each account by itself; four webhooks at a time.
        for (const status of ['delivered', 'read'] as const) {
          const batches = inBatches(due.filter((report) => report.status === status))
          while (batches.length > 0) {
            await Promise.all(batches.splice(0, 4).map(sendBatch))
          }
        }
        continue
      }
      wake = Promise.withResolvers()
      sleepingUntil = reports.reduce((least, { due }) => Math.min(least, due), now + 60_000)
      // Until the next is due, unless one is acknowledged meanwhile that is due sooner.
      const timer = setTimeout(wake.resolve, sleepingUntil - now)
      await wake.promise
      clearTimeout(timer)
      sleepingUntil = 0
    }
  }
  const reporting = report().catch(warn)

  return {
    async take(request, signal) {
      const { body, idempotent, ...about } = request
      const says = hashtags(body)
      if (says.has('hang')) {
        await hang(AbortSignal.any([signal, closing.signal]))
      }
      if (says.has('fail')) {
        return {
          status: 400,
          code: 'recipient_unreachable',
          message: 'The recipient cannot be reached',
        }
      }
      const earlier = idempotent ? journal.find(request.attempt_id) : undefined
      if (earlier) {
        return { status: 200, id: earlier.external_message_id }
      }
      const first = !turnedAway.has(request.message_id)
      if (says.has('429!') || (says.has('429') && first)) {
        turnedAway.add(request.message_id)
        return { status: 429, retryAfterSeconds: 1 }
      }
      if (says.has('500!') || (says.has('500') && first)) {
        turnedAway.add(request.message_id)
        return { status: 500, code: 'server_error', message: 'Internal server error' }
      }
      turnedAway.delete(request.message_id)
      const line = {
        at: new Date().toISOString(),
        external_message_id: `fc_${randomUUID()}`,
        ...about,
        reply: says.has('reply'),
      }
      await journal.acknowledge(line)
      schedule(line)
      return { status: 200, id: line.external_message_id }
    },
    async close() {
      closing.abort()
      wake.resolve()
      // A webhook in flight may end, but not hold up our own end; what it reports is reported again.
      await Promise.race([reporting, delay(2000, undefined, { ref: false })])
    },
  }
}

function hashtags(body: string | null): Set<string> {
  const found = (body ?? '').matchAll(/#(reply|fail|hang|429!?|500!?)(?!\w)/gi)
  return new Set(Array.from(found, ([, tag]) => tag?.toLowerCase() ?? ''))
}

async function hang(signal: AbortSignal): Promise<never> {
  for (;;) {
    await delay(60_000, undefined, { signal, ref: false })
  }
}

/** By account, since a webhook is for one, and not too many at once. */
function inBatches(reports: Report[]): Report[][] {
  const byAccount = Map.groupBy(reports, ({ line }) => `${line.tenant_id} ${line.account_id}`)
  return [...byAccount.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / batchSize) }, (_, i) =>
      all.slice(i * batchSize, (i + 1) * batchSize),
    ),
  )
}

/** Somebody must have said it, and a group has no number of its own. */
const someone = '+27820000001'

function reply(line: Acknowledgement): object {
  return {
    user: { id: line.group === null ? line.to : someone },
    ...(line.group === null ? {} : { group: { id: line.group } }),
    message: {
      id: `${line.external_message_id}_reply`,
      type: 'text',
      content: 'Thank you for your message.',
      timestamp: Date.now(),
      reply_to: line.external_message_id,
    },
  }
}

function webhook(line: Acknowledgement, content: object): FakechatWebhook {
  const payload = { platform: 'fakechat', ...(line.from ? { to: line.from } : {}), ...content }
  return {
    tenantId: line.tenant_id,
    accountId: line.account_id,
    request: {
      method: 'POST',
      url: `/api/webhooks/fakechat/${line.account_id}`,
      path: `/api/webhooks/fakechat/${line.account_id}`,
      query: {},
      headers: { 'content-type': 'application/json', 'user-agent': 'fakechat' },
      body: Buffer.from(JSON.stringify(payload)),
      receivedAt: new Date(),
    },
  }
}
