import postgres from 'postgres'
import type { Test } from 'tap'
import type { Db, Sql, Transaction } from '../../db/connect.ts'

export type Refusal = {
  code: string
  constraint?: string
  column?: string
  hint?: RegExp
  message?: RegExp
}

export type Refused = {
  code: string
  constraint: string | undefined
  column: string | undefined
  hint: string | undefined
  message: string
}

/** What the database says no with; null when it says yes. An error that is not the database's is thrown on. */
export async function refusal(work: PromiseLike<unknown>): Promise<Refused | null> {
  try {
    await work
    return null
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error
    const { code, constraint_name, column_name, hint, message } = error
    return { code, constraint: constraint_name, column: column_name, hint, message }
  }
}

/** The rule alone, for `t.same`: its code, and its constraint and column where it names them; `none` when nothing is refused. */
export async function violation(
  work: PromiseLike<unknown>,
): Promise<{ code: string; constraint?: string; column?: string }> {
  const refused = await refusal(work)
  if (!refused) return { code: 'none' }
  const { code, constraint, column } = refused
  return { code, ...(constraint && { constraint }), ...(column && { column }) }
}

/** Asserts that the database refuses, with SQLSTATE, constraint, column and hint as they are given; ours always have a hint. */
export async function refuses(
  t: Test,
  work: Promise<unknown>,
  expected: Refusal,
  title: string,
): Promise<void> {
  const refused = await refusal(work)
  if (!refused) return void t.fail(`${title}: nothing was refused`)
  const { hint, message, ...exact } = expected
  const found: Record<string, unknown> = {}
  for (const key of Object.keys(exact)) found[key] = refused[key as keyof Refused]
  t.same(found, exact, `${title} (${refused.message})`)
  if (hint ?? refused.code.startsWith('PP'))
    t.match(refused.hint, hint ?? /.{10}/, `${title}: hint`)
  if (message) t.match(refused.message, message, `${title}: message`)
}

class Undo extends Error {}

/**
 * Asserts a rule, takes it away, and asserts that it then no longer holds: a test that could not see the rule go would
 * prove nothing. Leaves the database as it was.
 *
 * @param without the statement that takes the rule away
 * @param holds does what the rule forbids, and tells whether it was stopped
 */
export async function rule(
  t: Test,
  sql: Sql,
  title: string,
  without: string,
  holds: (tx: Db) => Promise<boolean>,
): Promise<void> {
  const trial = async (prepare: string): Promise<boolean> => {
    let result = false
    await sql
      .begin(async (tx) => {
        if (prepare) await tx.unsafe(prepare)
        result = await holds(tx)
        throw new Undo()
      })
      .catch((error: unknown) => {
        if (!(error instanceof Undo)) throw error
      })
    return result
  }
  t.equal(await trial(''), true, title)
  t.equal(await trial(without), false, `${title}: not so without it`)
}

/** Whether the statements are refused, in a savepoint of their own; what is checked at commit is checked here. */
export async function isRefused(
  tx: Db,
  work: (tx: Db) => Promise<unknown>,
  constraint?: string,
): Promise<boolean> {
  const refused = await refusal(
    (tx as Transaction).savepoint(async (inner) => {
      await work(inner)
      await inner`set constraints all immediate`
    }),
  )
  return refused !== null && (constraint === undefined || refused.constraint === constraint)
}

/**
 * Changes a function of the schema for as long as `work` takes, and sees that the change was one: what a test proves is
 * worth something only if it fails without the code under test.
 */
export async function without(
  sql: Sql,
  name: string,
  change: [from: string | RegExp, to: string],
  work: () => Promise<void>,
): Promise<void> {
  const [row] = await sql<{ def: string }[]>`select pg_get_functiondef(${name}::regproc) as def`
  const def = row?.def ?? ''
  const changed = def.replace(...change)
  if (changed === def) throw new Error(`${name} holds no ${String(change[0])}`)
  await sql.unsafe(changed)
  try {
    await work()
  } finally {
    await sql.unsafe(def)
  }
}
