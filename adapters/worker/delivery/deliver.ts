import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import { releaseProbe } from '../../../db/delivery/breaker.ts'
import { type ClaimedMessage, claimMessages } from '../../../db/delivery/claim.ts'
import { expireLeases } from '../../../db/delivery/expire.ts'
import { releaseClaims } from '../../../db/delivery/release-claims.ts'
import { pauseAccount } from '../../../db/delivery/pause-account.ts'
import { type LeasedAccount, leaseAccount, type Target } from '../../../db/delivery/lease.ts'
import { promoteDue } from '../../../db/delivery/promote.ts'
import { deferToNextDay } from '../../../db/delivery/defer-to-next-day.ts'
import { rescheduleAccount } from '../../../db/delivery/reschedule-account.ts'
import type { ChannelAccount, Provider } from '../../channels/channel.ts'
import { lookUpSecret } from '../../shared/secrets.ts'
import { recipientInterval, returnSends, takeSends } from './rate-limit.ts'
import type { Breakers } from './breakers.ts'
import { createDeadline } from './deadline.ts'
import type { InFlight, Route } from './in-flight.ts'
import { maxAttempts } from './outcome.ts'
import { maxOpen, type BatchSizer } from './batch-size.ts'
import { planRoutes, probing, type RoutePlan, takesKey } from './routes.ts'
import { pause, retryUntil, waitFor } from '../../shared/wait.ts'

export type DeliverContext = {
  sql: Sql
  logger: Logger
  providers: Map<string, Provider>
  batchSizer: BatchSizer
  breakers: Breakers
  /** ms for which a turn leases an account and the messages that it sends. After that another worker takes over. */
  leaseMs: number
  /** ms after which a turn yields to the other accounts. */
  turnMs: number
  /** ms that a turn with nothing left to claim waits for the next answer or recording. */
  lingerMs: number
  inFlightOf(target: Target): InFlight
  /** A storage is configured, so that messages with files can be sent. */
  takesFiles: boolean
  /** Aborts to stop claiming. */
  stopping: AbortSignal
  /** Aborts the requests. */
  hardStop: AbortSignal
}

export type TurnEnd = {
  /** False when another worker had the account, or it was not due. */
  took: boolean
  /** ms until the account is due again, null for not before something wakes it. */
  dueInMs: number | null
}

const gatherMs = 5
const holdMs = 5_000
const unknownProviderMs = 60_000
const maxPromoted = 1_000
const afterFailureMs = 200
/** While no provider can be used, the interval at which expired messages are looked for. */
const maxPauseMs = 5_000
const minDeferMs = 5_000

/**
 * One turn of one account: leases it, settles messages that a dead worker left, queues those that have come due, then claims
 * and sends in groups until nothing is left or its second is over, and sets when the account is due next.
 *
 * A request that takes longer than the turn continues: its outcome is recorded when it comes, and until then the next turn
 * has one concurrent request fewer.
 * @throws the database's errors; the lease then runs out
 */
export async function deliverTurn(context: DeliverContext, target: Target): Promise<TurnEnd> {
  const { sql, logger, leaseMs } = context
  const started = performance.now()
  const account = await leaseAccount(sql, target, leaseMs)
  if (!account) return { took: false, dueInMs: null }

  const as: ChannelAccount = {
    tenantId: account.tenantId,
    accountId: account.accountId,
    channel: account.channel,
    address: account.address,
    provider: account.provider,
    settings: account.settings,
    secret: lookUpSecret(account.secretRef),
  }
  const keyed = [...context.providers.values()]
    .filter((provider) => takesKey(provider, as))
    .map((provider) => provider.name)
  const expired = await expireLeases(sql, target, { keyed, maxAttempts })
  if (expired > 0) logger.warn({ ...target, expired }, 'settled messages of a dead worker')
  context.breakers.learn(account.tenantId, account.breakers ?? [])
  const plan: RoutePlan =
    account.status === 'connected'
      ? await planRoutes(sql, account, { providers: context.providers, as, leaseMs })
      : { candidates: [], probe: null, blockedMs: null }
  if (plan.candidates.length === 0) {
    await hold(context, account)
    return { took: true, dueInMs: null }
  }

  const inFlight = context.inFlightOf(target)
  inFlight.disconnected = false
  // From before the lease was taken, by our own clock, so that requests end before their lease does.
  const leftMs = () => leaseMs * 0.8 - (performance.now() - started)
  const timeout = createDeadline(leftMs(), context.hardStop, (signal) => inFlight.giveUp(signal))
  try {
    const again = { forMs: leftMs(), signal: context.hardStop }
    const turn: Turn = {
      account,
      as,
      inFlight,
      plan,
      keyed,
      signal: timeout.signal,
      started,
      again,
    }
    const notBeforeMs = await sendInGroups(context, turn).catch((error: unknown) => {
      logger.warn({ err: error, ...target }, 'a turn was cut short')
      return afterFailureMs
    })
    const spaced = recipientInterval(account) > 0
    const dueInMs = await retryUntil(
      () => rescheduleAccount(sql, account, { notBeforeMs, spaced }),
      again,
    )
    return { took: true, dueInMs }
  } finally {
    if (inFlight.open === 0) timeout.cancel()
  }
}

/** Messages of an account that cannot send wait, with a reason where the account's status does not tell it. */
async function hold(context: DeliverContext, account: LeasedAccount): Promise<void> {
  const named = account.provider
  const reason =
    account.status === 'connected'
      ? {
          code: 'no_provider',
          message: named
            ? `No provider "${named}" is installed.`
            : 'The account names no provider that could send it.',
        }
      : null
  await pauseAccount(context.sql, account, {
    reason,
    pauseMs: Math.min(holdMs, context.leaseMs),
    // Nothing notifies us when a new release brings the provider.
    againInMs: reason && named ? unknownProviderMs : null,
  })
}

type Turn = {
  account: LeasedAccount
  as: ChannelAccount
  inFlight: InFlight
  plan: RoutePlan
  /** Providers that take the attempt id as an idempotency key. */
  keyed: string[]
  /** Aborts when the time for requests is over. */
  signal: AbortSignal
  started: number
  again: { forMs: number; signal: AbortSignal }
}

/**
 * Claims and sends until nothing is left, the turn is over, a limit is reached, or the worker stops; claims that were not
 * sent are released.
 * @returns ms within which a limit makes another turn useless
 */
async function sendInGroups(context: DeliverContext, turn: Turn): Promise<number> {
  const { sql, batchSizer, stopping, turnMs, lingerMs, breakers } = context
  const { account, inFlight, plan, keyed, again } = turn
  const until = turn.started + turnMs
  const recipientIntervalMs = recipientInterval(account)
  const providerInMs = Math.max(plan.blockedMs ?? 0, minDeferMs)
  const someUsable = plan.candidates.some((candidate) => candidate.usable)
  const batchSize = () =>
    Math.max(...plan.candidates.map((candidate) => batchSizer.batchSize(candidate.provider)))
  const begun: string[] = []
  let ready: ClaimedMessage[] = []
  let dry = false
  let notBeforeMs = 0
  let complete = false
  let probe = plan.probe

  async function claim(wanted: number): Promise<void> {
    const allowed = await takeSends(sql, account, probe === null ? wanted : 1)
    if (allowed.count === 0) {
      notBeforeMs = allowed.againInMs
      dry = true
      return
    }
    const limit = allowed.count
    const trying = probe
    probe = null
    const candidates = trying === null ? plan.candidates : probing(plan.candidates, trying)
    const { messages, taken, overDaily } = await claimMessages(sql, account, {
      limit,
      candidates,
      recipientIntervalMs,
      providerInMs,
      takesFiles: context.takesFiles,
      ...(trying === null ? {} : { only: trying }),
    })
    ready = messages
    if (messages.length < limit) {
      await returnSends(sql, account, limit - messages.length)
    } else if (limit < wanted) {
      notBeforeMs = allowed.againInMs
    }
    if (overDaily > 0) await deferToNextDay(sql, account)
    if (trying !== null) {
      if (messages.length === 0) await releaseProbe(sql, account.tenantId, trying)
      dry = !someUsable
      return
    }
    if (taken === limit) return
    if (promoted === maxPromoted) promoted = await promoteDue(sql, account, maxPromoted)
    else dry = true
  }

  /** Whether the turn must stop claiming, because an outcome has shown that its routes no longer hold. */
  function mustStop(): boolean {
    return (
      inFlight.disconnected ||
      ready.some(
        ({ provider }) => provider !== plan.probe && breakers.isOpen(account.tenantId, provider),
      )
    )
  }

  function routeOf(message: ClaimedMessage): Route | null {
    const provider = context.providers.get(message.provider)
    if (!provider) return null
    return {
      provider,
      account: { ...turn.as, provider: provider.name },
      takesIdempotencyKey: message.keyed,
      signal: turn.signal,
    }
  }

  let promoted = 0
  try {
    promoted = await promoteDue(sql, account, maxPromoted)
    if (!someUsable) {
      notBeforeMs = Math.min(plan.blockedMs ?? 0, maxPauseMs)
      dry = probe === null
    }
    while (!stopping.aborted && !mustStop()) {
      const now = performance.now()
      const open = now < until
      const wanted = room(inFlight, batchSize())
      if (open && !dry && ready.length === 0 && wanted > 0) {
        // Slots that become free together share one commit.
        if (wanted < maxOpen / 2) await pause(gatherMs, stopping)
        await claim(room(inFlight, batchSize()))
        continue
      }
      // Ten requests at a time, the next as each is answered. Claims that a stalled provider holds up are released.
      const leaving =
        now < until + lingerMs ? ready.splice(0, Math.max(0, maxOpen - inFlight.open)) : []
      for (const message of leaving) {
        const route = routeOf(message)
        if (!route) continue
        begun.push(message.attemptId)
        inFlight.start(message, route)
      }
      const idle = ready.length === 0 && (dry || !open)
      if (idle && inFlight.open + inFlight.unrecorded === 0) break
      if (now >= until + lingerMs) break
      if (idle && dry) {
        // Wait a moment for requests under way; slower ones are recorded after this turn.
        await waitFor(inFlight.change(), lingerMs, stopping)
        if (performance.now() - now >= lingerMs - 1) break
      } else {
        await waitFor(
          inFlight.change(),
          Math.max(1, (open ? until : until + lingerMs) - now),
          stopping,
        )
      }
    }
    complete = ready.length === 0
  } finally {
    if (!complete) {
      const returned = await retryUntil(() => releaseClaims(sql, account, { begun, keyed }), again)
      await returnSends(sql, account, returned)
    }
  }
  return notBeforeMs
}

/** How many more may be marked `sending`. One group may await recording, so that recording and sending overlap. */
function room(inFlight: InFlight, size: number): number {
  if (inFlight.unrecorded > size || inFlight.open >= maxOpen) return 0
  return size - inFlight.open
}
