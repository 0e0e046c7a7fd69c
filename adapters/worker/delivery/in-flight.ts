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

/** The time that requests of one turn have, and who they go to. */
export type Route = {
  provider: Provider
  account: ChannelAccount
  takesIdempotencyKey: boolean
  signal: AbortSignal
}

type Outgoing = OutboundMessage & { hasFiles?: boolean }
type SentRequest = { message: Outgoing; route: Route; startedAt: number; landed: boolean }

/**
 * The requests of one account that are under way in this process, and the recording of their outcomes: in batches, as
 * many as land while the batch before is being written. They outlive the turn that began them, so that one request
 * without an answer does not hold up the account's others.
 */
export type InFlight = {
  readonly open: number
  /** Outcomes that are not in the database yet. */
  readonly unrecorded: number
  /** A provider said that the account cannot send. */
  disconnected: boolean
  /** Never throws: what becomes of the request is recorded. */
  start(message: Outgoing, route: Route): void
  /** Resolves at the next landing or recording. */
  change(): Promise<void>
  /** Counts requests that did not answer their signal as without an outcome. */
  giveUp(signal: AbortSignal): void
}

export type InFlightOptions = {
  sql: Sql
  logger: Logger
  batchSizer: BatchSizer
  breakers: Breakers
  /** What providers are told of where we are reached. */
  publicUrl: string | null
  /** The files that messages take along; null: this worker knows no storage. */
  files: OutboundFiles | null
  /** Called with the next try's delay (ms) when a batch brought one. */
  onRetry: (inMs: number) => void
  /** Ends the retrying of a recording that fails because the database is gone. */
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
      // Requests that we abort ourselves say nothing of the provider.
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
    logger.warn({ err: error, messageId: message.id }, 'the files of a message cannot be read now')
    const errorMessage = error instanceof Error ? error.message : String(error)
    return { outcome: 'not_sent', retryable: true, errorCode: filesUnavailable, errorMessage }
  }
  try {
    return await provider.send(withOurFiles(message, found), { account, signal, publicUrl })
  } catch (error) {
    logger.error(
      { err: error, provider: provider.name, messageId: request.message.id },
      'a provider threw; what became of the message is unknown',
    )
    return {
      outcome: 'ambiguous',
      errorCode: 'adapter_error',
      errorMessage: error instanceof Error ? error.message : String(error),
    }
  }
}

/** A file that a message names by its address goes out by ours or not at all: nobody has scanned what lies there now. */
function withOurFiles({ hasFiles, ...message }: Outgoing, files: OutboundFile[]): OutboundMessage {
  if (!hasFiles) return message
  const { media: _media, ...metadata } = message.metadata
  return { ...message, mediaUrl: null, metadata, files }
}

/**
 * Records a batch, and keeps trying while the database is away. If the batch is refused, each outcome alone; one that is
 * still refused, for an external id that is another message's, is recorded without it.
 */
async function recordSafely(
  sql: Sql,
  target: Target,
  batch: AttemptResult[],
  options: { logger: Logger; hardStop: AbortSignal; disconnect: string | null },
): Promise<boolean> {
  for (let failures = 0; ; failures++) {
    try {
      // First, so that nobody claims again what goes back.
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
        options.logger.error({ err: error, messageId: only.messageId }, 'an outcome is refused')
        return false
      }
    }
  }
}

/** These values are refused, and will be another time; anything else may pass, and meanwhile nothing more is claimed. */
function isRefusal(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^(22|23|PP)...$/.test(code)
}
