import type { Db, Sql } from '../connect.ts'

export type TaskKind = 'fetch' | 'scan' | 'delete'

/** Something to be done with a file; see pigeonpost_private.media_tasks for what `subject` is. */
export interface MediaTask {
  tenantId: number
  kind: TaskKind
  subject: string
  /** This try is the how many-th, from 1. */
  attempt: number
}

/**
 * Takes the task that has been due for the longest, of a tenant that is not in `except`. One that is neither finished
 * nor put off within `leaseMs` is due again: whoever had it died.
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

export async function finishMediaTask(db: Db, task: MediaTask): Promise<void> {
  await db`
    delete from pigeonpost_private.media_tasks
    where tenant_id = ${task.tenantId} and kind = ${task.kind} and subject = ${task.subject}`
}

/** Due again in `inMs`, and why it was not done. */
export async function putOffMediaTask(
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
