import type { Sql, Transaction } from './connect.ts'

/**
 * A transaction whose connection may be lost without harm. postgres.js (3.4.9) answers a failed transaction with a
 * rollback, also when it failed because the connection is gone; the write then hits a socket that is no more, in a
 * timer where nobody can catch it, and the process dies (its issues 1154 and 1208). So a work that failed for the
 * connection never returns, and what rejects is the loss of the connection itself.
 * @throws what `work` throws, or CONNECTION_CLOSED
 */
export async function begin<T>(sql: Sql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const result = await sql.begin(async (tx) => {
    try {
      return await work(tx as Transaction)
    } catch (error) {
      if (connectionIsLost(error)) await new Promise(() => {})
      throw error
    }
  })
  return result as T
}

/** Whether the connection ended under a query: the server said so with its last words, or the socket did. */
export function connectionIsLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  if (severity === 'FATAL' || severity === 'PANIC') return true
  return typeof code === 'string' && /^(CONNECTION_|ECONN|EPIPE|ETIMEDOUT|ENET|EHOST)/.test(code)
}
