import { takeProbe } from '../../../db/delivery/breaker.ts'
import type { Candidate } from '../../../db/delivery/claim.ts'
import type { LeasedAccount } from '../../../db/delivery/lease.ts'
import type { Sql } from '../../../db/connect.ts'
import type { ChannelAccount, Provider } from '../../channels/channel.ts'

/** The providers that may send an account's messages in one turn. */
export type RoutePlan = {
  /** In order of preference. Empty: no installed provider can send for the account. */
  candidates: Candidate[]
  /** The provider that we may probe with one message. */
  probe: string | null
  /** ms until the first provider with an open breaker can be used; null where all can be used. */
  blockedMs: number | null
}

const probeElsewhereMs = 1_000

/**
 * The tenant's rules for the account, then its own provider for messages that match no rule. A provider with an open circuit
 * breaker is not usable; when its pause is over, one worker gets the probe.
 */
export async function planRoutes(
  sql: Sql,
  account: LeasedAccount,
  about: { providers: Map<string, Provider>; as: ChannelAccount; leaseMs: number },
): Promise<RoutePlan> {
  const { providers, as } = about
  const serves = (name: string) => providers.get(name)?.channels.includes(account.channel) === true
  const candidates: Candidate[] = []
  function add(candidate: Pick<Candidate, 'provider' | 'reason'> & Partial<Candidate>): void {
    candidates.push({
      ord: candidates.length,
      prefix: null,
      content_type: null,
      keyed: takesKey(providers.get(candidate.provider), as),
      usable: true,
      fallback: false,
      ...candidate,
    })
  }
  for (const route of account.routes ?? []) {
    if (!serves(route.provider)) continue
    add({
      provider: route.provider,
      reason: `route ${route.position}`,
      prefix: route.countryPrefix,
      content_type: route.contentType,
    })
  }
  if (account.provider && providers.has(account.provider)) {
    add({ provider: account.provider, reason: 'account', fallback: true })
  }
  if (candidates.length === 0) return { candidates, probe: null, blockedMs: null }
  // What is in doubt at one that the rules no longer name goes there again all the same, and nothing else does.
  for (const provider of providers.values()) {
    const known = candidates.some((candidate) => candidate.provider === provider.name)
    if (!known && serves(provider.name) && takesKey(provider, as)) {
      add({ provider: provider.name, reason: 'account', content_type: 'none', fallback: true })
    }
  }
  return { candidates, ...(await applyBreakers(sql, account, candidates, about.leaseMs)) }
}

async function applyBreakers(
  sql: Sql,
  account: LeasedAccount,
  candidates: Candidate[],
  leaseMs: number,
): Promise<Pick<RoutePlan, 'probe' | 'blockedMs'>> {
  let probe: string | null = null
  let blockedMs: number | null = null
  for (const { provider, openForMs, probeForMs } of account.breakers ?? []) {
    const concerned = candidates.filter((candidate) => candidate.provider === provider)
    if (openForMs === null || concerned.length === 0) continue
    for (const candidate of concerned) candidate.usable = false
    const over = openForMs <= 0 && (probeForMs ?? 0) <= 0
    if (over && probe === null && (await takeProbe(sql, account.tenantId, provider, leaseMs))) {
      probe = provider
    }
    blockedMs = Math.min(blockedMs ?? Infinity, openForMs > 0 ? openForMs : probeElsewhereMs)
  }
  return { probe, blockedMs }
}

/** The candidates for the one message that probes `probe`. */
export function probing(candidates: Candidate[], probe: string): Candidate[] {
  return candidates.map((candidate) =>
    candidate.provider === probe ? { ...candidate, usable: true, reason: 'probe' } : candidate,
  )
}

export function takesKey(provider: Provider | undefined, as: ChannelAccount): boolean {
  return provider?.takesIdempotencyKey(as) ?? false
}
