import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import type { Sql } from '../connect.ts'

export type RetainOptions = {
  /** Days that events are kept for, read or not. Default 30. */
  keepDays?: number
  /** Days after which a consumer that has not called no longer holds partitions back. Default 7. */
  lapseDays?: number
  /** Attempts to lock a partition that is in use. Default 5; what could not be locked waits for the next call. */
  tries?: number
}

export type Retained = {
  /** Partitions created ahead of the sequence. */
  made: number
  /** Partitions dropped, oldest first. */
  dropped: string[]
  /** Events up to this id were dropped. */
  floor: number
}

/**
 * Maintains the log's partitions: creates those that the sequence will reach, and drops those that are past their retention
 * and that every active consumer has passed. A cursor below what was dropped gets an error (PPS01).
 *
 * Runs as the owner. Each drop blocks writers of the log for 200 ms at most; where it cannot get its lock, it gives up.
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

/** Retries when the lock was not available (55P03); no rows when it never was. */
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
