// Asks an HTTP server at a fixed rate, whatever it answers, in a process of its own. Told {url, key, rate, …} by its
// parent, it tells {warm} when what is measured begins, and {load}.
import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type Asked, type Kind, type Known, mixOf } from '../mix.ts'
import { percentile } from '../rounds.ts'

export type LoadPlan = {
  url: string
  key: string
  accountId: string
  known: Known[]
  /** Requests a second. */
  rate: number
  /** Asked for so long before anything is measured. */
  warmUpSeconds: number
  seconds: number
}

/** ms, from the moment at which the request was due to the end of its answer. */
export type Times = { requests: number; p50: number; p95: number; p99: number; max: number }

export type Load = {
  requests: number
  /** Answered in a second, until the last one was. */
  rate: number
  /** How often, by status and code: `503 busy`. */
  errors: Record<string, number>
  all: Times
  kinds: Partial<Record<Kind, Times>>
  /** ms by which requests left late, since this process was not ready: it measures itself. */
  lateP99: number
}

const connections = 100
const timeoutMs = 20_000
/** Requests in flight; more are given up, so that the run ends even if the server cannot keep up. */
const maxWaiting = 5_000

process.once('message', (plan: LoadPlan) => {
  void run(plan).then((load) => process.send?.({ load }))
})
process.once('SIGTERM', () => process.exit(0))
process.once('disconnect', () => process.exit(0))

async function run(plan: LoadPlan): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: 'fifo' })
  const mix = mixOf(plan.known, plan.accountId)
  await ask(plan, agent, mix, plan.warmUpSeconds)
  process.send?.({ warm: true })
  const measured = await ask(plan, agent, mix, plan.seconds)
  agent.destroy()
  return measured
}

/** Open loop: a request leaves when it is due, and its time counts from then, so that slowness hides no request. */
async function ask(
  plan: LoadPlan,
  agent: Agent,
  mix: ReturnType<typeof mixOf>,
  seconds: number,
): Promise<Load> {
  const total = Math.round(plan.rate * seconds)
  const times = new Map<Kind, number[]>()
  const errors: Record<string, number> = {}
  const late: number[] = []
  const answers: Promise<void>[] = []
  let waiting = 0
  const follow = async (asked: Asked & { kind: Kind }, due: number) => {
    const problem = await send(plan, agent, asked)
    waiting -= 1
    const known = times.get(asked.kind) ?? []
    known.push(performance.now() - due)
    times.set(asked.kind, known)
    if (problem) errors[problem] = (errors[problem] ?? 0) + 1
  }
  const begun = performance.now()
  for (let next = 0; next < total;) {
    const due = begun + (next * 1000) / plan.rate
    const now = performance.now()
    if (now < due) {
      await delay(1)
      continue
    }
    next += 1
    late.push(now - due)
    const asked = mix.next().value as Asked & { kind: Kind }
    if (waiting >= maxWaiting) {
      const problem = `not asked, ${maxWaiting} were waiting`
      errors[problem] = (errors[problem] ?? 0) + 1
      continue
    }
    waiting += 1
    answers.push(follow(asked, due))
  }
  await Promise.all(answers)
  return {
    requests: answers.length,
    rate: answers.length / ((performance.now() - begun) / 1000),
    errors,
    all: timesOf([...times.values()].flat()),
    kinds: Object.fromEntries([...times].map(([kind, all]) => [kind, timesOf(all)])),
    lateP99: percentile(late, 99),
  }
}

function timesOf(all: number[]): Times {
  const [p50, p95, p99] = [percentile(all, 50), percentile(all, 95), percentile(all, 99)]
  return { requests: all.length, p50, p95, p99, max: percentile(all, 100) }
}

/** What was wrong with the answer, or null. */
async function send(plan: LoadPlan, agent: Agent, asked: Asked): Promise<string | null> {
  const body = asked.body ? JSON.stringify(asked.body) : null
  return new Promise((resolve) => {
    const headers = {
      authorization: `Bearer ${plan.key}`,
      ...(body === null
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    }
    const { method, path, onCursor } = asked
    const call = request(
      plan.url + path,
      { agent, method, headers, timeout: timeoutMs },
      (response) => {
        const { statusCode = 0 } = response
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => {
          if (onCursor || statusCode >= 300) chunks.push(chunk)
        })
        response.once('error', (error) => resolve(error.message))
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          onCursor?.(/"nextCursor":"([^"]+)"/.exec(text)?.[1] ?? null)
          const code = /"code":"([^"]*)"/.exec(text)?.[1] ?? ''
          resolve(statusCode >= 200 && statusCode < 300 ? null : `${statusCode} ${code}`)
        })
      },
    )
    call.once('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    call.once('error', (error) => resolve(error.message))
    call.end(body ?? undefined)
  })
}
