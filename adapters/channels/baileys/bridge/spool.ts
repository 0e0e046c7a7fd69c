/**
 * Events on their way to the database. WhatsApp is told that a message arrived before Baileys hands it out, so nobody
 * would send it again: each batch is written to a file before anything else is done, handed over in order, and deleted
 * once it was taken. What a crash or a database that was down left behind is handed over at the next start; a batch that
 * comes twice changes nothing, since messages have ids.
 */

import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../../../shared/backoff.ts'

export type SpoolOptions = {
  folder: string
  /** Rejects while the body cannot be taken: it is offered again. */
  deliver: (body: Buffer) => Promise<unknown>
  warn: (error: unknown, message: string) => void
  /** ms until a body is offered again, doubled each time up to 60 times as much. */
  retryAfter: number
}

export type Spool = {
  /** The body is safe when it returns; on a disk that cannot be written it is kept in memory. */
  put(body: Buffer): void
  /** Resolves once there is nothing left to hand over. */
  idle(): Promise<void>
  /** Ends after the body that is being handed over; the rest stays on disk. */
  stop(): Promise<void>
}

type Entry = {
  path: string
  body?: Buffer
}

/** @throws where the folder cannot be made or read. */
export function openSpool({ folder, deliver, warn, retryAfter }: SpoolOptions): Spool {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const left = readdirSync(folder)
    .filter((name) => /^\d{12}\.json$/.test(name))
    .toSorted()
  const entries: Entry[] = left.map((name) => ({ path: join(folder, name) }))
  const stopping = new AbortController()
  let next = Number(left.at(-1)?.slice(0, 12) ?? 0) + 1
  let running: Promise<void> | null = null

  const handOver = async ({ path, body }: Entry) => {
    for (let failures = 0; ; failures++) {
      try {
        await deliver(body ?? (await readFile(path)))
        return
      } catch (error) {
        if (!body && !existsSync(path)) {
          warn(error, `${path} was deleted; its events are lost.`)
          return
        }
        const wait = backoffMs(failures, { minMs: retryAfter, maxMs: retryAfter * 60 })
        warn(error, `A batch of events could not be stored; trying again in ${wait} ms.`)
        await delay(wait, undefined, { signal: stopping.signal })
      }
    }
  }

  const run = async () => {
    for (let entry = entries[0]; entry && !stopping.signal.aborted; entry = entries[0]) {
      try {
        await handOver(entry)
      } catch (error) {
        if (stopping.signal.aborted) return
        throw error
      }
      entries.shift()
      await unlink(entry.path).catch((error: unknown) => {
        if (!entry.body)
          warn(error, `${entry.path} could not be deleted; it will be handed over again.`)
      })
    }
  }

  const kick = () => {
    running ??= run().finally(() => {
      running = null
      if (entries.length > 0 && !stopping.signal.aborted) kick()
    })
  }

  const idle = async (): Promise<void> => {
    if (!running) return
    await running
    await idle()
  }

  kick()
  return {
    put(body) {
      const path = join(folder, `${String(next++).padStart(12, '0')}.json`)
      try {
        writeFileSync(`${path}.part`, body, { mode: 0o600 })
        renameSync(`${path}.part`, path)
        entries.push({ path })
      } catch (error) {
        warn(error, `${path} could not be written; its events are in memory only.`)
        entries.push({ path, body })
      }
      if (!stopping.signal.aborted) kick()
    },
    idle,
    async stop() {
      stopping.abort()
      await running
    },
  }
}
