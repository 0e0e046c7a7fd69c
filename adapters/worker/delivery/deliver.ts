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
import { recipientInterval, returnAllowance, takeAllowance } from './rate-limit.ts'
import type { Breakers } from './breakers.ts'
import { createDeadline } from './deadline.ts'
import type { Flights, Route } from './in-flight.ts'
import { maxAttempts } from './outcome.ts'
import { concurrency, type Pace } from './batch-size.ts'
import { planRoutes, probing, type RoutePlan, takesKey } from './routes.ts'
import { persist, within } from '../../shared/wait.ts'

export type DeliverContext = {
  sql: Sql
  logger: Logger
  providers: Map<string, Provider>
  pace: Pace
  breakers: Breakers
  /** ms that an account, and what it sends, belongs to one turn. A dead worker is followed after it. */
  leaseMs: number
  /** ms after which a turn yields to the other accounts. */
  turnMs: number
  /** ms that a turn with nothing left to claim waits for the next landing or recording. */
  lingerMs: number
  flightsOf(target: Target): Flights
  /** A storage is known, so that messages can take files along. */
  takesFiles: boolean
  /** No more claims. */
  stopping: AbortSignal
  /** Requests are aborted. */
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
const promoteLimit = 1_000
const afterFailureMs = 200
/** While no provider can be used, so often is looked at what expires meanwhile. */
const longestPauseMs = 5_000
const leastPutOffMs = 5_000

/**
 * One turn of one account: leases it, settles what a dead worker left, queues what has come due, then claims and sends
 * in groups until nothing is left or its second is over, and sets the account to the moment at which it is due next.
 *
 * A request that takes longer than the turn stays under way: it is recorded when it lands, and the next turn has one
 * fewer to send at a time.
 * @throws what the database throws for as long as the lease lasts; it then runs out
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
  if (expired > 0) logger.warn({ ...target, expired }, 'settled what a dead worker left sending')
  context.breakers.learn(account.tenantId, account.breakers ?? [])
  const plan: RoutePlan =
    account.status === 'connected'
      ? await planRoutes(sql, account, { providers: context.providers, as, leaseMs })
      : { candidates: [], probe: null, blockedMs: null }
  if (plan.candidates.length === 0) {
    await hold(context, account)
    return { took: true, dueInMs: null }
  }

  const flights = context.flightsOf(target)
  flights.disconnected = false
  // Counted from before the lease was taken, by our own clock, so that requests end before their lease does.
  const leftMs = () => leaseMs * 0.8 - (performance.now() - started)
  const timeout = createDeadline(leftMs(), context.hardStop, (signal) => flights.giveUp(signal))
  try {
    const again = { forMs: leftMs(), signal: context.hardStop }
    const turn: Turn = { account, as, flights, plan, keyed, signal: timeout.signal, started, again }
    const notBeforeMs = await sendInGroups(context, turn).catch((error: unknown) => {
      logger.warn({ err: error, ...target }, 'a turn was cut short')
      return afterFailureMs
    })
    const spaced = recipientInterval(account) > 0
    const dueInMs = await persist(
      () => rescheduleAccount(sql, account, { notBeforeMs, spaced }),
      again,
    )
    return { took: true, dueInMs }
  } finally {
    if (flights.open === 0) timeout.cancel()
  }
}

/** Messages of an account that cannot send wait, and say why where the account alone does not tell. */
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
    // Nothing tells of a provider that comes with a new version of ours.
    againInMs: reason && named ? unknownProviderMs : null,
  })
}

type Turn = {
  account: LeasedAccount
  as: ChannelAccount
  flights: Flights
  plan: RoutePlan
  /** Providers that take a second request with the same attempt id once only. */
  keyed: string[]
  /** Aborts when the requests' time is over. */
  signal: AbortSignal
  started: number
  again: { forMs: number; signal: AbortSignal }
}

/**
 * Claims and sends until nothing is left, the turn is over, a limit holds, or the worker stops; what was claimed and did
 * not leave goes back.
 * @returns ms before which a limit makes another turn useless
 */
async function sendInGroups(context: DeliverContext, turn: Turn): Promise<number> {
  const { sql, pace, stopping, turnMs, lingerMs, breakers } = context
  const { account, flights, plan, keyed, again } = turn
  const until = turn.started + turnMs
  const recipientIntervalMs = recipientInterval(account)
  const providerInMs = Math.max(plan.blockedMs ?? 0, leastPutOffMs)
  const someUsable = plan.candidates.some((candidate) => candidate.usable)
  const groupSize = () =>
    Math.max(...plan.candidates.map((candidate) => pace.groupSize(candidate.provider)))
  const begun: string[] = []
  let ready: ClaimedMessage[] = []
  let dry = false
  let notBeforeMs = 0
  let complete = false
  let probe = plan.probe

  async function claim(wanted: number): Promise<void> {
    const allowed = await takeAllowance(sql, account, probe === null ? wanted : 1)
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
      await returnAllowance(sql, account, limit - messages.length)
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
    if (promoted === promoteLimit) promoted = await promoteDue(sql, account, promoteLimit)
    else dry = true
  }

  /** What is known by now makes the rest of this turn's claims wrong. */
  function mustStop(): boolean {
    return (
      flights.disconnected ||
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
    promoted = await promoteDue(sql, account, promoteLimit)
    if (!someUsable) {
      notBeforeMs = Math.min(plan.blockedMs ?? 0, longestPauseMs)
      dry = probe === null
    }
    while (!stopping.aborted && !mustStop()) {
      const now = performance.now()
      const open = now < until
      const wanted = room(flights, groupSize())
      if (open && !dry && ready.length === 0 && wanted > 0) {
        // One commit for the slots that come free together.
        if (wanted < concurrency / 2) await within(never, gatherMs, stopping)
        await claim(room(flights, groupSize()))
        continue
      }
      // Ten leave, the next as each lands. What a provider that fell silent keeps from leaving goes back.
      const leaving =
        now < until + lingerMs ? ready.splice(0, Math.max(0, concurrency - flights.open)) : []
      for (const message of leaving) {
        const route = routeOf(message)
        if (!route) continue
        begun.push(message.attemptId)
        flights.start(message, route)
      }
      const idle = ready.length === 0 && (dry || !open)
      if (idle && flights.open + flights.unrecorded === 0) break
      if (now >= until + lingerMs) break
      if (idle && dry) {
        // A moment for what is under way; what takes longer lands without us.
        await within(flights.change(), lingerMs, stopping)
        if (performance.now() - now >= lingerMs - 1) break
      } else {
        await within(
          flights.change(),
          Math.max(1, (open ? until : until + lingerMs) - now),
          stopping,
        )
      }
    }
    complete = ready.length === 0
  } finally {
    if (!complete) {
      const returned = await persist(() => releaseClaims(sql, account, { begun, keyed }), again)
      await returnAllowance(sql, account, returned)
    }
  }
  return notBeforeMs
}

const never = new Promise<void>(() => {})

/** How many more may be `sending`. One group may wait to be recorded, so that recording and sending overlap. */
function room(flights: Flights, size: number): number {
  if (flights.unrecorded > size || flights.open >= concurrency) return 0
  return size - flights.open
}
