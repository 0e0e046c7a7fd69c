/**
 * clamd, by its own protocol (clamd(8), "COMMANDS"): a command ends with NUL when it begins with `z`, and so does its
 * answer; INSTREAM takes chunks, each behind its length in four bytes, up to one of length 0.
 */

import { createReadStream } from 'node:fs'
import { connect, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { createLimiter } from '../shared/limiter.ts'
import { type Scanner, ScannerUnavailableError, ScanRefusedError, type Verdict } from './scan.ts'

export type ClamdOptions = ({ host: string; port: number } | { socket: string }) & {
  /** ms; by default 5 s to connect, 30 s in which clamd takes no byte of the file, 120 s for all of it. */
  connectMs?: number
  idleMs?: number
  scanMs?: number
  /** Scans at once, 4 by default; clamd's own limit is MaxThreads, 10. */
  concurrency?: number
}

const chunkBytes = 65_536
const carefulBytes = 16_384
const carefulMs = 1
const maxTries = 4
const maxAnswerLength = 4_096

/** Nothing is connected to before the first scan, and no connection outlives its scan. */
export function createScanner(options: ClamdOptions): Scanner {
  const limiter = createLimiter(options.concurrency ?? 4)
  const scanMs = options.scanMs ?? 120_000
  return {
    scan: async (file, signal) => {
      const attempt = async (careful: boolean) => {
        const say = async (talk: Talk) => sendFile(talk, file, options.idleMs ?? 30_000, careful)
        return readVerdict(await converse(options, 'zINSTREAM\0', scanMs, signal, say))
      }
      return limiter(
        async () => (typeof file === 'string' ? retryBroken(attempt) : attempt(true)),
        {
          signal,
        },
      )
    },
    check: async (signal) => {
      const version = await converse(options, 'zVERSION\0', options.connectMs ?? 5_000, signal)
      if (!version.startsWith('ClamAV ')) throw unexpected(version)
      return version
    },
  }
}

/**
 * clamd answers in the middle of a file that is too large for it, and hangs up. A write that runs just then fails, and
 * Node drops what was not read yet: in half of the scans the answer is lost. So a file that broke off is sent again,
 * carefully: in small pieces, with time to hear an answer after each.
 */
async function retryBroken<T>(attempt: (careful: boolean) => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await attempt(count > 1)
    } catch (error) {
      if (count === maxTries || !brokeOff(error)) throw error
    }
  }
}

function brokeOff(error: unknown): boolean {
  const cause = error instanceof ScannerUnavailableError ? error.cause : null
  return (
    cause instanceof Error && 'code' in cause && /^(EPIPE|ECONNRESET)$/.test(String(cause.code))
  )
}

type Talk = {
  socket: Socket
  /** Rejects with why the conversation ended early; never resolves. */
  broken: Promise<never>
  /** True once clamd's answer is complete. */
  answered: () => boolean
  fail: (error: Error) => void
}

/** One command and its whole answer, without the NUL. */
async function converse(
  options: ClamdOptions,
  command: string,
  wholeMs: number,
  signal: AbortSignal | undefined,
  say: (talk: Talk) => Promise<void> = async () => {},
): Promise<string> {
  signal?.throwIfAborted()
  const socket = 'socket' in options ? connect(options.socket) : connect(options.port, options.host)
  const broken = Promise.withResolvers<never>()
  const answer = Promise.withResolvers<string>()
  let text = ''
  let answered = false
  const fail = (error: Error) => broken.reject(error)
  const unavailable = (what: string, cause?: unknown) =>
    fail(new ScannerUnavailableError(`clamd at ${placeOf(options)} ${what}`, { cause }))
  socket.setEncoding('utf8')
  socket.on('data', (part: string) => {
    text += part
    const end = text.indexOf('\0')
    if (end >= 0) {
      answered = true
      answer.resolve(text.slice(0, end))
    } else if (text.length > maxAnswerLength) unavailable('answers without an end')
  })
  socket.on('error', (error) => unavailable(`cannot be reached: ${reasonOf(error)}`, error))
  socket.on('close', () => unavailable('closed the connection before its verdict'))
  const abort = () => fail(signal?.reason as Error)
  signal?.addEventListener('abort', abort, { once: true })
  const whole = setTimeout(() => unavailable(`said nothing within ${wholeMs} ms`), wholeMs)
  const connectMs = options.connectMs ?? 5_000
  const connecting = setTimeout(() => unavailable(`is not there after ${connectMs} ms`), connectMs)
  socket.once('connect', () => clearTimeout(connecting))
  // Avoids an unhandled rejection: it may reject when nothing awaits it.
  broken.promise.catch(() => {})
  const said = (async () => {
    socket.write(command)
    await say({ socket, broken: broken.promise, answered: () => answered, fail })
  })()
  said.catch(fail)
  try {
    return await Promise.race([answer.promise, broken.promise])
  } finally {
    clearTimeout(whole)
    clearTimeout(connecting)
    signal?.removeEventListener('abort', abort)
    fail(new Error('over'))
    socket.destroy()
    await said.catch(() => {})
  }
}

/** Sends with backpressure, and stops once clamd has answered. */
async function sendFile(
  talk: Talk,
  file: string | Readable,
  idleMs: number,
  careful: boolean,
): Promise<void> {
  const { socket, broken, answered } = talk
  const source =
    typeof file === 'string' ? createReadStream(file, { highWaterMark: chunkBytes }) : file
  try {
    const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
    for (;;) {
      const chunk = await Promise.race([chunks.next(), broken])
      if (chunk.done) break
      const most = careful ? carefulBytes : chunk.value.length
      for (let start = 0; start < chunk.value.length; start += most) {
        const piece = chunk.value.subarray(start, start + most)
        const length = Buffer.alloc(4)
        length.writeUInt32BE(piece.length)
        socket.cork()
        socket.write(length)
        const more = socket.write(piece)
        socket.uncork()
        if (!more) await drained(talk, idleMs)
        if (careful) await Promise.race([delay(carefulMs), broken])
        if (answered()) return
      }
    }
    socket.write(Buffer.alloc(4))
  } finally {
    source.destroy()
  }
}

async function drained({ socket, broken, fail }: Talk, idleMs: number): Promise<void> {
  const idle = setTimeout(() => {
    fail(new ScannerUnavailableError(`clamd took nothing of the file for ${idleMs} ms`))
  }, idleMs)
  try {
    await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), broken])
  } finally {
    clearTimeout(idle)
  }
}

/** @throws {ScanRefusedError} for a file over clamd's StreamMaxLength, {ScannerUnavailableError} for any other trouble of its. */
function readVerdict(answer: string): Verdict {
  if (answer === 'stream: OK') return { verdict: 'clean' }
  const signature = /^stream: (.+) FOUND$/.exec(answer)?.[1]
  if (signature) return { verdict: 'infected', signature }
  if (answer.startsWith('INSTREAM size limit exceeded')) {
    throw new ScanRefusedError(
      'The file is larger than clamd scans; raise StreamMaxLength in clamd.conf',
    )
  }
  throw unexpected(answer)
}

function unexpected(answer: string): ScannerUnavailableError {
  return new ScannerUnavailableError(`clamd said ${JSON.stringify(answer.slice(0, 200))}`)
}

function placeOf(options: ClamdOptions): string {
  return 'socket' in options ? options.socket : `${options.host}:${options.port}`
}

function reasonOf(error: Error): string {
  // Several addresses were tried, and each failed.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : null
  return first instanceof Error ? first.message : error.message
}
