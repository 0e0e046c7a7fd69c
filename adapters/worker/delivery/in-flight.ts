import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import type { Target } from '../../../db/delivery/lease.ts'
import { disconnectAccount } from '../../../db/delivery/disconnect.ts'
import { type AttemptResult, recordResults } from '../../../db/delivery/record.ts'
import type {
  ChannelAccount,
  OutboundFile,
  OutboundMessage,
  Provider,
  SendOutcome,
} from '../../channels/channel.ts'
import type { OutboundFiles } from '../../media/index.ts'
import { backoffMs } from '../../shared/backoff.ts'
import type { Breakers, ProviderVerdict } from './breakers.ts'
import { disconnectReason, filesUnavailable, judge, verdictOf } from './outcome.ts'
import type { BatchSizer } from './batch-size.ts'

/** The deadline of one turn's requests, and their destination. */
export type Route = {
  provider: Provider
  account: ChannelAccount
  takesIdempotencyKey: boolean
  signal: AbortSignal
}

type Outgoing = OutboundMessage & { hasFiles?: boolean }
type SentRequest = { message: Outgoing; route: Route; startedAt: number; landed: boolean }

/**
 * The requests of one account that are under way in this process, and the recording of their outcomes, in batches: outcomes
 * that come while one batch is being written form the next. Requests outlive the turn that began them, so that one without
 * an answer does not hold up the account's others.
 */
export type InFlight = {
  readonly open: number
  /** Outcomes that are not in the database yet. */
  readonly unrecorded: number
  /** A provider said that the account cannot send. */
  disconnected: boolean
  /** Never throws: every outcome is recorded. */
  start(message: Outgoing, route: Route): void
  /** Resolves at the next answer or recording. */
  change(): Promise<void>
  /** Treats requests that ignored their abort signal as having no outcome. */
  giveUp(signal: AbortSignal): void
}

export type InFlightOptions = {
  sql: Sql
  logger: Logger
  batchSizer: BatchSizer
  breakers: Breakers
  /** Our public URL, for providers that report to it. */
  publicUrl: string | null
  /** Reads the files of messages; null: this worker has no storage. */
  files: OutboundFiles | null
  /** Called with the delay (ms) of the next retry when a batch contains one. */
  onRetry: (inMs: number) => void
  /** Stops retrying a recording that fails because the database is away. */
  hardStop: AbortSignal
}

const maxBatch = 500

type Landed = { result: AttemptResult; verdict: ProviderVerdict | null; disconnect: string | null }

export function createInFlight(target: Target, options: InFlightOptions): InFlight {
  const { sql, logger } = options
  const open = new Set<SentRequest>()
  const finished: Landed[] = []
  let recording = 0
  let disconnected = false
  let changed = Promise.withResolvers<void>()

  function signalChange(): void {
    changed.resolve()
    changed = Promise.withResolvers<void>()
  }

  function land(request: SentRequest, outcome: SendOutcome): void {
    const durationMs = performance.now() - request.startedAt
    if (!request.landed) {
      request.landed = true
      open.delete(request)
      options.batchSizer.saw(request.route.provider.name, durationMs)
    } else if (outcome.outcome === 'ambiguous') {
      return
    }
    const { takesIdempotencyKey } = request.route
    const disconnect = disconnectReason(outcome)
    if (disconnect !== null) disconnected = true
    finished.push({
      result: judge(request.message, outcome, { takesIdempotencyKey, durationMs }),
      // Requests that we abort ourselves show nothing about the provider.
      verdict: options.hardStop.aborted ? null : verdictOf(request.route.provider.name, outcome),
      disconnect,
    })
    if (recording === 0) void record()
    signalChange()
  }

  async function record(): Promise<void> {
    while (finished.length > 0) {
      const landed = finished.splice(0, maxBatch)
      const batch = landed.map(({ result }) => result)
      recording = batch.length
      const startedAt = performance.now()
      const reason = landed.find(({ disconnect }) => disconnect !== null)?.disconnect ?? null
      const done = await recordSafely(sql, target, batch, { ...options, disconnect: reason })
      const verdicts = landed.map(({ verdict }) => verdict).filter((verdict) => verdict !== null)
      await options.breakers.note(target.tenantId, verdicts)
      options.batchSizer.recorded(batch.length, performance.now() - startedAt)
      if (!done) logger.error({ ...target, count: batch.length }, 'could not record outcomes')
      const delays = batch.map((result) => result.retryInMs).filter((ms) => ms !== null)
      if (done && delays.length > 0) options.onRetry(Math.min(...delays))
      recording = 0
      signalChange()
    }
  }

  return {
    get open() {
      return open.size
    },
    get unrecorded() {
      return finished.length + recording
    },
    get disconnected() {
      return disconnected
    },
    set disconnected(value) {
      disconnected = value
    },
    start(message, route) {
      const request: SentRequest = { message, route, startedAt: performance.now(), landed: false }
      open.add(request)
      void send(request, options).then((outcome) => land(request, outcome))
    },
    change: () => changed.promise,
    giveUp(signal) {
      for (const request of open) {
        if (request.route.signal === signal) {
          land(request, {
            outcome: 'ambiguous',
            errorCode: 'no_answer',
            errorMessage: 'The provider did not answer in time.',
          })
        }
      }
    },
  }
}

async function send(
  request: SentRequest,
  { logger, publicUrl, files }: Pick<InFlightOptions, 'logger' | 'publicUrl' | 'files'>,
): Promise<SendOutcome> {
  const { provider, account, signal } = request.route
  const { message } = request
  let found: OutboundFile[] = []
  try {
    if (message.hasFiles && files) found = await files.of(account.tenantId, message.id)
  } catch (error) {
    logger.warn({ err: error, messageId: message.id }, 'the files of a message could not be read')
    const errorMessage = error instanceof Error ? error.message : String(error)
    return { outcome: 'not_sent', retryable: true, errorCode: filesUnavailable, errorMessage }
  }
  try {
    return await provider.send(withOurFiles(message, found), { account, signal, publicUrl })
  } catch (error) {
    logger.error(
      { err: error, provider: provider.name, messageId: request.message.id },
      'a provider threw; the outcome of the message is unknown',
    )
    return {
      outcome: 'ambiguous',
      errorCode: 'adapter_error',
      errorMessage: error instanceof Error ? error.message : String(error),
    }
  }
}

/** A file that a message names by URL is sent from our storage or not at all: what is at that URL now was not scanned. */
function withOurFiles({ hasFiles, ...message }: Outgoing, files: OutboundFile[]): OutboundMessage {
  if (!hasFiles) return message
  const { media: _media, ...metadata } = message.metadata
  return { ...message, mediaUrl: null, metadata, files }
}

/**
 * Records a batch, and retries while the database is away. If the batch is refused, records each outcome alone; one that is
 * refused because another message has its external id is recorded without that id.
 */
async function recordSafely(
  sql: Sql,
  target: Target,
  batch: AttemptResult[],
  options: { logger: Logger; hardStop: AbortSignal; disconnect: string | null },
): Promise<boolean> {
  for (let failures = 0; ; failures++) {
    try {
      // First, so that nobody claims the released messages again.
      if (options.disconnect !== null) await disconnectAccount(sql, target, options.disconnect)
      await recordResults(sql, target, batch)
      return true
    } catch (error) {
      const [only] = batch
      if (!isRefusal(error)) {
        if (options.hardStop.aborted) return false
        if (failures % 20 === 0) {
          options.logger.warn({ err: error, ...target }, 'could not record outcomes yet')
        }
        await delay(backoffMs(failures, { minMs: 20, maxMs: 1_000 }))
      } else if (batch.length > 1 || !only) {
        const each = batch.map((result) => recordSafely(sql, target, [result], options))
        return (await Promise.all(each)).every(Boolean)
      } else if (only.externalMessageId !== null) {
        options.logger.error(
          { err: error, messageId: only.messageId, externalMessageId: only.externalMessageId },
          'sent, but its external id is refused; recorded without it',
        )
        batch = [{ ...only, externalMessageId: null }]
      } else {
        options.logger.error(
          { err: error, messageId: only.messageId },
          'an outcome was refused by the database',
        )
        return false
      }
    }
  }
}

/** Whether the database refuses these values for good; other errors may pass, and until then nothing more is claimed. */
function isRefusal(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^(22|23|PP)...$/.test(code)
}
