/**
 * What the simulator remembers, outside the database as a real provider's memory is: `journal.jsonl` has a line for
 * each message that it acknowledged, `reported.jsonl` one for each whose delivery and reading it has reported. Several
 * processes may append to both.
 */

import { closeSync, mkdirSync, openSync, readSync, fstatSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const acknowledgement = z.object({
  at: z.string(),
  external_message_id: z.string(),
  message_id: z.string(),
  attempt_id: z.string(),
  tenant_id: z.number(),
  account_id: z.string(),
  from: z.string().nullable(),
  to: z.string(),
  group: z.string().nullable(),
  reply: z.boolean(),
})
/** No body: what is erased from the database must not survive here. */
export type Acknowledgement = z.infer<typeof acknowledgement>

export type Journal = {
  /** Resolves once the line is written. */
  acknowledge(line: Acknowledgement): Promise<void>
  /** What any process acknowledged under this attempt id, as far back as the journal's last 16 MiB. */
  find(attemptId: string): Acknowledgement | undefined
  markReported(externalMessageId: string): Promise<void>
  /** Acknowledged and not wholly reported, oldest first, of the last 16 MiB. */
  unreported(): Acknowledgement[]
  close(): Promise<void>
}

/** Bytes of the past that a new process reads, some 40,000 messages: its start must not take longer every day. */
const maxBytes = 16 * 1024 * 1024
const maxAttempts = 100_000

/** @throws when the folder cannot be written. */
export async function openJournal(folder: string): Promise<Journal> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const journalPath = join(folder, 'journal.jsonl')
  const reportedPath = join(folder, 'reported.jsonl')
  endBrokenLine(journalPath)
  endBrokenLine(reportedPath)
  const journal = await open(journalPath, 'a+', 0o600)
  const reported = await open(reportedPath, 'a+', 0o600)
  const readJournal = tail(journal.fd, acknowledgement)
  const byAttempt = new Map<string, Acknowledgement>()

  return {
    async acknowledge(line) {
      await journal.appendFile(`${JSON.stringify(line)}\n`)
    },
    find(attemptId) {
      for (const line of readJournal()) {
        byAttempt.set(line.attempt_id, line)
        if (byAttempt.size > maxAttempts) {
          byAttempt.delete(byAttempt.keys().next().value ?? '')
        }
      }
      return byAttempt.get(attemptId)
    },
    async markReported(externalMessageId) {
      await reported.appendFile(`${JSON.stringify({ external_message_id: externalMessageId })}\n`)
    },
    unreported() {
      const schema = z.object({ external_message_id: z.string() })
      const done = new Set(tail(reported.fd, schema)().map((line) => line.external_message_id))
      return tail(journal.fd, acknowledgement)().filter(
        (line) => !done.has(line.external_message_id),
      )
    },
    async close() {
      await journal.close()
      await reported.close()
    },
  }
}

/** A process killed in the middle of a line must not spoil the next one. */
function endBrokenLine(path: string): void {
  const file = openSync(path, 'a+', 0o600)
  try {
    const { size } = fstatSync(file)
    const last = Buffer.alloc(1)
    if (size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last.toString() !== '\n') {
      writeSync(file, '\n')
    }
  } finally {
    closeSync(file)
  }
}

/** A reader that gives the whole lines written since its last call; lines that are none of `schema` are passed over. */
function tail<S extends z.ZodType>(file: number, schema: S): () => z.output<S>[] {
  let offset = Math.max(0, fstatSync(file).size - maxBytes)
  return () => {
    const bytes = Buffer.alloc(fstatSync(file).size - offset)
    const length = readSync(file, bytes, 0, bytes.length, offset)
    const end = bytes.subarray(0, length).lastIndexOf('\n') + 1
    offset += end
    return bytes
      .subarray(0, end)
      .toString()
      .split('\n')
      .flatMap((line) => {
        const parsed = schema.safeParse(parse(line))
        return parsed.success ? [parsed.data] : []
      })
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
