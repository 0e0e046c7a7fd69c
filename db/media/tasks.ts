import type { Db, Sql } from '../connect.ts'

export type TaskKind = 'fetch' | 'scan' | 'delete'

/** A task on a file; see pigeonpost_private.media_tasks for `subject`. */
export type MediaTask = {
  tenantId: number
  kind: TaskKind
  subject: string
  /** Number of this attempt, from 1. */
  attempt: number
}

/**
 * Claims the task that has been due for the longest, of a tenant that is not in `except`. If it is neither finished nor
 * rescheduled within `leaseMs`, it is due again, because its worker died.
 */
export async function claimMediaTask(
  sql: Sql,
  { except, leaseMs }: { except: number[]; leaseMs: number },
): Promise<MediaTask | null> {
  const [task] = await sql<MediaTask[]>`
    with due as materialized (
      select t.tenant_id, t.kind, t.subject from pigeonpost_private.media_tasks t
      where t.due_at <= clock_timestamp() and t.tenant_id <> all (${except}::integer[])
      order by t.due_at limit 1 for update skip locked
    )
    update pigeonpost_private.media_tasks t
    set due_at = clock_timestamp() + ${leaseMs} * interval '1 ms', attempts = t.attempts + 1
    from due d where t.tenant_id = d.tenant_id and t.kind = d.kind and t.subject = d.subject
    returning t.tenant_id as "tenantId", t.kind, t.subject, t.attempts as attempt`
  return task ?? null
}

/** For a task that deletes an object from a storage by its key. */
export function subjectOf(storage: string, key: string): string {
  return `${storage}:${key}`
}

export async function finishMediaTask(db: Db, task: MediaTask): Promise<void> {
  await db`
    delete from pigeonpost_private.media_tasks
    where tenant_id = ${task.tenantId} and kind = ${task.kind} and subject = ${task.subject}`
}

/** Reschedules a task to be due in `inMs`, with the reason why it was not done. */
export async function deferMediaTask(
  db: Db,
  task: MediaTask,
  inMs: number,
  error: string,
): Promise<void> {
  await db`
    update pigeonpost_private.media_tasks
    set due_at = clock_timestamp() + ${inMs} * interval '1 ms', error_message = ${error}
    where tenant_id = ${task.tenantId} and kind = ${task.kind} and subject = ${task.subject}`
}

/**
 * Queues stored files for scanning by the workers, oldest first. Files that are `unscanned` are served until their
 * verdict.
 * @returns how many, and how many more there are
 */
export async function scanAgain(
  db: Db,
  { status, tenantId, limit }: { status: 'unscanned' | 'failed'; tenantId: number; limit: number },
): Promise<{ queued: number; left: number }> {
  const [row] = await db<{ queued: number; left: number }[]>`
    with waiting as materialized (
      select f.id, row_number() over (order by f.id) as n from pigeonpost.media_files f
      where f.tenant_id = ${tenantId} and f.status = ${status} and f.storage_key is not null
        and not exists (
          select from pigeonpost_private.media_tasks t
          where t.tenant_id = f.tenant_id and t.kind = 'scan' and t.subject = f.id::text)
    ),
    queued as (
      insert into pigeonpost_private.media_tasks (tenant_id, kind, subject)
      select ${tenantId}, 'scan', w.id::text from waiting w where w.n <= ${limit} order by w.id
      on conflict on constraint media_tasks_pkey do nothing returning 1
    )
    select (select count(*) from queued) as queued, (select count(*) from waiting w where w.n > ${limit}) as left`
  return row ?? { queued: 0, left: 0 }
}

/** Of a tenant, or of all that the role may see; tasks that have not been due yet do not count. */
export type MediaTaskMetrics = {
  kind: TaskKind
  tasks: number
  /** For how long the oldest has been due. */
  oldestSeconds: number
}

export async function readMediaTasks(db: Db, tenantId: number | null): Promise<MediaTaskMetrics[]> {
  return db<MediaTaskMetrics[]>`
    select k.kind, count(t.subject) as tasks,
      coalesce(extract(epoch from clock_timestamp() - min(t.created_at)), 0)::double precision as "oldestSeconds"
    from unnest(array['fetch', 'scan', 'delete']) with ordinality k (kind, n)
    left join pigeonpost_private.media_tasks t on t.kind = k.kind and t.created_at <= clock_timestamp()
      and (${tenantId}::integer is null or t.tenant_id = ${tenantId})
    group by k.kind, k.n order by k.n`
}
