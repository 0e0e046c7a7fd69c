import type { Sql, Transaction } from './connect.ts'
import { UnavailableError } from './errors.ts'

/**
 * Runs a transaction. When this resolves it has committed; losing its connection only rejects, and never ends the process.
 *
 * Postgres answers the COMMIT of a failed transaction with ROLLBACK and no error, and the driver does not check. It sees
 * most failures itself, but not those that a pooler causes by giving the transaction another client's session. So we
 * commit before the driver does and check the answer; with `and chain`, because a second plain COMMIT writes a warning to
 * the server's log, and because `and chain` outside a transaction is an error.
 *
 * postgres.js (3.4.9) sends a rollback for a failed transaction even if it failed because the connection is gone. That
 * write hits a closed socket, in a timer where it cannot be caught, and the process dies (its issues 1154 and 1208). So
 * when `work` fails because of the connection, its promise never settles, and we reject with the loss of the connection.
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
    // Our commit tells the outcome, even if the connection is lost right after it.
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

/** Whether the connection ended during a query, as reported by the server's last message or by the socket. */
export function connectionIsLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  if (severity === 'FATAL' || severity === 'PANIC') return true
  return typeof code === 'string' && /^(CONNECTION_|ECONN|EPIPE|ETIMEDOUT|ENET|EHOST)/.test(code)
}
