import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { backoffMs } from '../../shared/backoff.ts'

// Ours and not @discordjs/ws: that is one file of this size against nine packages with a REST client among them.

/** https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-opcodes */
const op = {
  dispatch: 0,
  heartbeat: 1,
  identify: 2,
  resume: 6,
  reconnect: 7,
  invalidSession: 9,
  hello: 10,
  heartbeatAck: 11,
}

/** Close codes after which the same again would end the same: a wrong token, shard, version or intent. */
const fatal = new Set([4004, 4010, 4011, 4012, 4013, 4014])
/** Close codes that end the session too. After all others it can be resumed. */
const sessionOver = new Set([1000, 1001, 4003, 4005, 4007, 4009])
/** Tries to resume a session before another is begun: the server that it names may be gone. */
const maxResumes = 3
/** The code with which we close: 1000 and 1001 would end the session. */
const resumable = 4000

const frame = z.looseObject({
  op: z.number(),
  d: z.unknown().optional(),
  s: z.number().nullish(),
  t: z.string().nullish(),
})
const hello = z.looseObject({ heartbeat_interval: z.number().positive() })
const ready = z.looseObject({ session_id: z.string(), resume_gateway_url: z.string().nullish() })

export type GatewayOptions = {
  token: string
  /** Bits: https://discord.com/developers/docs/events/gateway#gateway-intents */
  intents: number
  url: string
  /** Every event, in the gateway's order. */
  onEvent: (type: string, data: unknown) => void
  /** A session began anew after another was lost: what happened between them was not told. */
  onGap: () => void
  /** Told of every connection that ended, and why. */
  warn: (error: Error) => void
  signal: AbortSignal
  /** ms before the second try of a connection; doubled up to a minute. Default 1000. */
  firstWait?: number
}

type Session = {
  id: string
  url: string
  seq: number
}

/** How a connection ended. */
type Ending = {
  code: number
  reason: string
  session: Session | null
  /** Whether it got as far as to a session. */
  worked: boolean
}

/**
 * Listens to Discord's gateway until the signal fires: identifies, sends heartbeats (the first after a random part of
 * the interval, so that not all clients beat at once), resumes after a lost connection, and begins anew where it cannot.
 * @throws where Discord will not have it: the token, or an intent that is not granted to the bot.
 */
export async function listenToGateway(options: GatewayOptions): Promise<void> {
  const { signal, warn, onGap, firstWait = 1000 } = options
  let session: Session | null = null
  let hadSession = false
  let failures = 0
  while (!signal.aborted) {
    const ending: Ending = await connect(options, session, (isNew) => {
      if (isNew && hadSession) onGap()
      hadSession = true
    })
    if (signal.aborted) return
    const error = new Error(`Discord's gateway closed (${ending.code}) ${ending.reason}`.trim())
    if (fatal.has(ending.code)) throw error
    warn(error)
    failures = ending.worked ? 1 : failures + 1
    session = failures > maxResumes ? null : ending.session
    // A new session is asked for no sooner than after 1 to 5 seconds; one identify in 5 seconds is what Discord allows.
    const least = session ? 0 : firstWait * (1 + 4 * Math.random())
    const wait =
      backoffMs(failures - 1, { minMs: firstWait, maxMs: 60_000 }) * (0.5 + Math.random() / 2)
    await delay(Math.max(least, wait), undefined, { signal }).catch(() => {})
  }
}

function connect(
  { url, token, intents, onEvent, signal }: GatewayOptions,
  given: Session | null,
  onSession: (isNew: boolean) => void,
): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<Ending>()
  let session = given
  let worked = false
  let acknowledged = true
  let timer: NodeJS.Timeout | undefined
  const socket = new WebSocket(`${session?.url ?? url}/?v=10&encoding=json`)
  const say = (op: number, d: unknown) => socket.send(JSON.stringify({ op, d }))

  // A connection that is dead does not answer a closing either, so its end is not waited for.
  let ended = false
  const end = (code: number, reason: string) => {
    if (ended) return
    ended = true
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    socket.close(resumable)
    resolve({ code, reason, session: sessionOver.has(code) ? null : session, worked })
  }
  const abort = () => end(resumable, 'by us')
  const beat = (interval: number) => {
    if (!acknowledged) return end(resumable, 'no heartbeat was acknowledged')
    acknowledged = false
    say(op.heartbeat, session?.seq ?? null)
    timer = setTimeout(beat, interval, interval)
  }

  const read = (text: string) => {
    const { op: code, d, s, t } = frame.parse(JSON.parse(text))
    if (code === op.hello) {
      const { heartbeat_interval: interval } = hello.parse(d)
      timer = setTimeout(beat, interval * Math.random(), interval)
      if (session) say(op.resume, { token, session_id: session.id, seq: session.seq })
      else
        say(op.identify, {
          token,
          intents,
          properties: { os: process.platform, browser: 'pigeonpost', device: 'pigeonpost' },
        })
    } else if (code === op.heartbeat) {
      say(op.heartbeat, session?.seq ?? null)
    } else if (code === op.heartbeatAck) {
      acknowledged = true
    } else if (code === op.reconnect) {
      end(resumable, 'Discord asked to reconnect')
    } else if (code === op.invalidSession) {
      if (d !== true) session = null
      end(resumable, 'the session is invalid')
    } else if (code === op.dispatch && t) {
      if (t === 'READY') {
        const { session_id: id, resume_gateway_url: resumeUrl } = ready.parse(d)
        session = { id, url: resumeUrl?.replace(/\/+$/, '') ?? url, seq: s ?? 0 }
      }
      if (session && typeof s === 'number') session.seq = s
      if (t === 'READY' || t === 'RESUMED') {
        worked = true
        onSession(t === 'READY')
      }
      onEvent(t, d)
    }
  }

  signal.addEventListener('abort', abort)
  socket.addEventListener('message', ({ data }) => {
    if (ended) return
    try {
      read(String(data))
    } catch (error) {
      end(resumable, `a frame could not be read: ${String(error)}`)
    }
  })
  socket.addEventListener('close', ({ code, reason }) => end(code, reason))
  socket.addEventListener('error', () => end(resumable, 'the connection failed'))
  return promise
}
