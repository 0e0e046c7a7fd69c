import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import type { Sql } from '../connect.ts'

export type RetainOptions = {
  /** Days that events are kept for, read or not. Default 30. */
  keepDays?: number
  /** Days after which a consumer that shows no sign of life is waited for no longer. Default 7. */
  lapseDays?: number
  /** How often a partition is tried that writers or readers are busy with. Default 5; what is left waits for the next call. */
  tries?: number
}

export type Retained = {
  /** Partitions that were made ahead of the sequence. */
  made: number
  /** Partitions that went, oldest first. */
  dropped: string[]
  /** Events up to this id are gone. */
  floor: number
}

/**
 * Keeps the log's partitions: makes those that the sequence will reach, and drops those that are older than the time to
 * keep and that every consumer which has not lapsed has passed. A cursor below what was dropped gets an error (PPS01).
 *
 * Runs as the owner. Each drop holds writers of the log up for 200 ms at most, and gives way where it cannot be had.
 */
export async function retainLog(sql: Sql, options: RetainOptions = {}): Promise<Retained> {
  const { keepDays = 30, lapseDays = 7, tries = 5 } = options
  const [extended] = await giveWay(
    tries,
    () => sql<{ made: number }[]>`select pigeonpost_private.extend_log() as made`,
  )
  const expired = await sql<{ name: string }[]>`
    select name from pigeonpost_private.expired_partitions(${keepDays} * interval '1 day', ${lapseDays} * interval '1 day')`
  const dropped: string[] = []
  for (const { name } of expired) {
    const gone = await giveWay(
      tries,
      () =>
        sql<{ floor: number | null }[]>`select pigeonpost_private.drop_partition(${name}) as floor`,
    )
    // In their order: the floor must not rise above a partition that is still there.
    if (gone.length === 0) break
    if (gone[0]?.floor !== null) dropped.push(name)
  }
  const [state] = await sql<{ floor: number }[]>`select pigeonpost.log_floor() as floor`
  return { made: extended?.made ?? 0, dropped, floor: state?.floor ?? 0 }
}

/** Tries again when the lock was not to be had (55P03); no rows when it never was. */
async function giveWay<T>(tries: number, work: () => Promise<T[]>): Promise<T[]> {
  for (let tried = 1; ; tried++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof postgres.PostgresError) || error.code !== '55P03') throw error
      if (tried >= tries) return []
      await delay(100 * tried)
    }
  }
}
