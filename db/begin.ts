import type { Sql, Transaction } from './connect.ts'
import { UnavailableError } from './errors.ts'

/**
 * A transaction that has committed when this resolves, and whose connection may be lost without harm.
 *
 * Postgres answers the COMMIT of a failed transaction with ROLLBACK and no error, and the driver does not look. It sees
 * most failures itself, but not one that a pooler mixed in by giving the transaction another's session. So we commit
 * ahead of the driver and look at the answer; `and chain`, because a bare second COMMIT is worth a warning in the
 * server's log, and because outside a transaction it is an error.
 *
 * postgres.js (3.4.9) answers a failed transaction with a rollback, also when it failed because the connection is gone;
 * the write then hits a socket that is no more, in a timer where nobody can catch it, and the process dies (its issues
 * 1154 and 1208). So a work that failed for the connection never returns, and what rejects is the loss of the connection
 * itself.
 * @throws what `work` throws, CONNECTION_CLOSED, or UnavailableError (not_committed)
 */
export async function begin<T>(sql: Sql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  let ready: { result: T; commit: Promise<{ command: string }> } | undefined
  try {
    await sql.begin(async (tx) => {
      try {
        const result = await work(tx as Transaction)
        ready = { result, commit: tx`commit and chain`.execute() }
        ready.commit.catch(() => {})
      } catch (error) {
        if (connectionIsLost(error)) await new Promise(() => {})
        throw error
      }
    })
  } catch (error) {
    // Ours says what became of the work, also when the connection is lost right after it.
    if (!ready) throw error
  }
  if (!ready) throw new Error('a transaction ended before its work')
  const { result, commit } = ready
  const { command } = await commit
  if (command !== 'COMMIT') {
    throw new UnavailableError('The transaction was rolled back when it was to be committed.', {
      code: 'not_committed',
      hint: 'Nothing was stored: try again. If a pooler is between, check how it shares sessions.',
    })
  }
  return result
}

/** Whether the connection ended under a query: the server said so with its last words, or the socket did. */
export function connectionIsLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  if (severity === 'FATAL' || severity === 'PANIC') return true
  return typeof code === 'string' && /^(CONNECTION_|ECONN|EPIPE|ETIMEDOUT|ENET|EHOST)/.test(code)
}
