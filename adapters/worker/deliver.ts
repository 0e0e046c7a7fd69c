import type { Logger } from 'pino'
import type { Sql } from '../../db/connect.ts'
import { claimMessages } from '../../db/delivery/claim.ts'
import { expireLeases } from '../../db/delivery/expire.ts'
import { giveBack } from '../../db/delivery/give-back.ts'
import { holdAccount } from '../../db/delivery/hold.ts'
import { type LeasedAccount, leaseAccount, type Target } from '../../db/delivery/lease.ts'
import { promoteDue } from '../../db/delivery/promote.ts'
import { rearmAccount } from '../../db/delivery/rearm.ts'
import type { ChannelAccount, OutboundMessage, Provider } from '../channels/channel.ts'
import { lookUpSecret } from '../channels/secret.ts'
import { allowance } from './allowance.ts'
import { createDeadline } from './deadline.ts'
import type { Flights, Route } from './flights.ts'
import { maxAttempts } from './outcome.ts'
import { concurrency, type Pace } from './pace.ts'
import { persist, within } from './waiting.ts'

export type DeliverContext = {
  sql: Sql
  logger: Logger
  providers: Map<string, Provider>
  pace: Pace
  /** ms that an account, and what it sends, belongs to one turn. A dead worker is followed after it. */
  leaseMs: number
  /** ms after which a turn yields to the other accounts. */
  turnMs: number
  flightsOf(target: Target): Flights
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

const lingerMs = 250
const gatherMs = 5
const holdMs = 5_000
const unknownProviderMs = 60_000
const promoteLimit = 1_000
const afterFailureMs = 200

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

  const provider = account.provider ? context.providers.get(account.provider) : undefined
  const as: ChannelAccount = {
    tenantId: account.tenantId,
    accountId: account.accountId,
    address: account.address,
    provider: account.provider,
    settings: account.settings,
    secret: lookUpSecret(account.secretRef),
  }
  const takesIdempotencyKey = provider?.takesIdempotencyKey(as) ?? false
  const expired = await expireLeases(sql, target, { takesIdempotencyKey, maxAttempts })
  if (expired > 0) logger.warn({ ...target, expired }, 'settled what a dead worker left sending')
  if (!provider || account.status !== 'connected') {
    await hold(context, account)
    return { took: true, dueInMs: null }
  }

  const flights = context.flightsOf(target)
  // Counted from before the lease was taken, by our own clock, so that requests end before their lease does.
  const leftMs = () => leaseMs * 0.8 - (performance.now() - started)
  const timeout = createDeadline(leftMs(), context.hardStop, (signal) => flights.giveUp(signal))
  const route: Route = { provider, account: as, takesIdempotencyKey, signal: timeout.signal }
  try {
    const again = { forMs: leftMs(), signal: context.hardStop }
    const notBeforeMs = await sendInGroups(context, account, flights, route, started, again).catch(
      (error: unknown) => {
        logger.warn({ err: error, ...target }, 'a turn was cut short')
        return afterFailureMs
      },
    )
    const dueInMs = await persist(() => rearmAccount(sql, account, { notBeforeMs }), again)
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
  await holdAccount(context.sql, account, {
    reason,
    pauseMs: Math.min(holdMs, context.leaseMs),
    // Nothing tells of a provider that comes with a new version of ours.
    againInMs: reason && named ? unknownProviderMs : null,
  })
}

/**
 * Claims and sends until nothing is left, the turn is over, or the worker stops; what was claimed and did not leave goes
 * back.
 * @returns ms before which a limit makes another turn useless
 */
async function sendInGroups(
  context: DeliverContext,
  account: LeasedAccount,
  flights: Flights,
  route: Route,
  started: number,
  again: { forMs: number; signal: AbortSignal },
): Promise<number> {
  const { sql, pace, stopping, turnMs } = context
  const { takesIdempotencyKey } = route
  const until = started + turnMs
  const begun: string[] = []
  let ready: OutboundMessage[] = []
  let dry = false
  let notBeforeMs = 0
  let complete = false

  async function claim(wanted: number): Promise<void> {
    const allowed = await allowance(account, wanted)
    const limit = Math.min(wanted, allowed.count)
    if (limit < wanted) notBeforeMs = allowed.againInMs
    if (limit === 0) {
      dry = true
      return
    }
    const { messages, taken } = await claimMessages(sql, account, { limit, takesIdempotencyKey })
    ready = messages
    if (taken === limit) return
    if (promoted === promoteLimit) promoted = await promoteDue(sql, account, promoteLimit)
    else dry = true
  }

  let promoted = 0
  try {
    promoted = await promoteDue(sql, account, promoteLimit)
    while (!stopping.aborted) {
      const now = performance.now()
      const open = now < until
      const wanted = room(flights, pace.groupSize(route.provider.name))
      if (open && !dry && ready.length === 0 && wanted > 0) {
        // One commit for the slots that come free together.
        if (wanted < concurrency / 2) await within(never, gatherMs, stopping)
        await claim(room(flights, pace.groupSize(route.provider.name)))
        continue
      }
      // Ten leave, the next as each lands. What a provider that fell silent keeps from leaving goes back.
      const leaving =
        now < until + lingerMs ? ready.splice(0, Math.max(0, concurrency - flights.open)) : []
      for (const message of leaving) {
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
      await persist(() => giveBack(sql, account, { begun, takesIdempotencyKey }), again)
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
