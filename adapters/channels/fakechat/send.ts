import { join } from 'node:path'
import type { OutboundMessage, Provider, SendContext, SendOutcome } from '../channel.ts'
import { openJournal } from './journal.ts'
import {
  type Simulator,
  type SimulatorOptions,
  type SimulatorResponse,
  startSimulator,
} from './simulator.ts'

export type FakechatOptions = Pick<SimulatorOptions, 'deliver' | 'deliveredAfter' | 'readAfter'> & {
  /** The journal goes to `<dataFolder>/fakechat/journal.jsonl`, a JSON line per message that was acknowledged. */
  dataFolder: string
  /** Called with webhooks that could not be delivered (they are retried). Default: ignored. */
  warn?: (error: unknown) => void
}

export type FakechatProvider = Provider & {
  /** Stops reporting; the next provider on the same folder continues it. */
  close(): Promise<void>
}

/**
 * The provider behind channel fakechat. Every message is acknowledged, journaled before that,
 * and reported as delivered and read within 2 s; what a crash left unreported is reported again. In a body:
 * - `#reply`: the recipient answers.
 * - `#429`: the first try is refused with Retry-After 1 s, the next is taken; `#429!`: every try.
 * - `#500`: likewise with a server error; `#500!`: every try.
 * - `#fail`: refused for good.
 * - `#hang`: no answer until the signal fires, and nothing acknowledged; the sender cannot know that.
 *
 * It takes no idempotency key unless the account's settings say `{"idempotency": true}`; then that is the attempt's id.
 */
export function createFakechatProvider(options: FakechatOptions): FakechatProvider {
  const { dataFolder, warn = () => {}, ...rest } = options
  const opened = openJournal(join(dataFolder, 'fakechat')).then((journal) => ({
    journal,
    simulator: startSimulator({ ...rest, journal, warn }),
  }))
  opened.catch(warn)
  return {
    name: 'fakechat',
    channels: ['fakechat'],
    takesIdempotencyKey: (account) => account.settings['idempotency'] === true,
    async send(message, context) {
      const ready = await opened.catch(() => null)
      return ready
        ? request(ready.simulator, message, context)
        : refused('unavailable', `fakechat cannot write its journal in ${dataFolder}`, true)
    },
    async close() {
      const ready = await opened.catch(() => null)
      await ready?.simulator.close()
      await ready?.journal.close()
    },
  }
}

async function request(
  simulator: Simulator,
  message: OutboundMessage,
  { account, signal }: SendContext,
): Promise<SendOutcome> {
  try {
    signal.throwIfAborted()
  } catch {
    return refused('aborted', 'The time was over before the request left', true)
  }
  try {
    const response = await simulator.take(
      {
        message_id: message.id,
        attempt_id: message.attemptId,
        tenant_id: account.tenantId,
        account_id: account.accountId,
        from: account.address,
        to: message.address,
        group: message.conversationExternalId,
        body: message.body,
        idempotent: account.settings['idempotency'] === true,
      },
      signal,
    )
    return outcome(response)
  } catch (error) {
    // It may or may not have been taken; only a receipt can tell.
    const timedOut = error instanceof Error && error.name === 'AbortError'
    return timedOut
      ? {
          outcome: 'ambiguous',
          errorCode: 'timeout',
          errorMessage: 'fakechat did not answer in time',
        }
      : { outcome: 'ambiguous', errorCode: 'connection_lost', errorMessage: String(error) }
  }
}

function outcome(response: SimulatorResponse): SendOutcome {
  switch (response.status) {
    case 200:
      return { outcome: 'sent', externalMessageId: response.id }
    case 429:
      return {
        ...refused('rate_limited', 'Too many requests', true),
        retryAfterMs: response.retryAfterSeconds * 1000,
      }
    case 500:
      return refused(response.code, response.message, true)
    case 400:
      return refused(response.code, response.message, false)
  }
}

function refused(errorCode: string, errorMessage: string, retryable: boolean) {
  return { outcome: 'not_sent' as const, retryable, errorCode, errorMessage }
}
