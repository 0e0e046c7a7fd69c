import type { Sql, Transaction } from './connect.ts'
import { UnavailableError } from './errors.ts'
import { onConnectionClosed } from './connection/lost.ts'

/**
 * Runs a transaction, `read committed` whatever the database's default. When this resolves it has committed; losing its
 * connection only rejects, and never ends the process.
 *
 * Postgres answers the COMMIT of a failed transaction with ROLLBACK and no error, and the driver does not check. It sees
 * most failures itself, but not those that a pooler causes by giving the transaction another client's session. So we
 * commit before the driver does and check the answer; with `and chain`, because a second plain COMMIT writes a warning to
 * the server's log, and because `and chain` outside a transaction is an error.
 *
 * postgres.js (3.4.9) lets `work` continue when its connection is gone. The next statement then writes to a closed
 * socket, in a timer where the error cannot be caught, and the process dies (its issues 1154 and 1208); or, if the pool
 * has reconnected, it runs outside any transaction. So once the connection is lost we refuse statements of `work`, never
 * tell the driver how it ended, and reject with the loss of the connection.
 * @param enter The first statement, without parameters. It is sent before the first query of `work`, and not awaited.
 * @throws what `work` throws, CONNECTION_CLOSED, or UnavailableError (not_committed)
 */
export async function begin<T>(
  sql: Sql,
  work: (tx: Transaction) => Promise<T>,
  { enter = 'select' }: { enter?: string } = {},
): Promise<T> {
  let ready: { result: T; commit: Promise<{ command: string }> } | undefined
  let lost = false
  let forget = () => {}
  try {
    await sql.begin('isolation level read committed', async (tx) => {
      const options = {
        simple: true,
        // The driver's own hook; it tells which connection runs the transaction.
        onexecute({ id }: { id: number }) {
          forget = onConnectionClosed(id, () => (lost = true))
          return true
        },
      }
      const entered = tx.unsafe(enter, [], options as object).execute()
      try {
        const [result] = await Promise.all([work(guarded(tx as Transaction, () => lost)), entered])
        if (lost) throw connectionLost()
        ready = { result, commit: tx`commit and chain`.execute() }
        ready.commit.catch(() => {})
      } catch (error) {
        if (lost || connectionIsLost(error)) await new Promise(() => {})
        throw error
      }
    })
  } catch (error) {
    // Our commit tells the outcome, even if the connection is lost right after it.
    if (!ready) throw error
  } finally {
    forget()
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

/** Refuses statements once the connection is lost. */
function guarded(tx: Transaction, isLost: () => boolean): Transaction {
  return new Proxy(tx, {
    apply(target, thisArgument, values) {
      if (isLost()) throw connectionLost()
      return Reflect.apply(target, thisArgument, values) as unknown
    },
  })
}

function connectionLost(): UnavailableError {
  return new UnavailableError('The connection was lost in the transaction.', {
    code: 'CONNECTION_CLOSED',
    hint: 'Nothing was stored: try again.',
  })
}

/** Whether the connection ended during a query, as reported by the server's last message or by the socket. */
export function connectionIsLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  if (severity === 'FATAL' || severity === 'PANIC') return true
  return typeof code === 'string' && /^(CONNECTION_|ECONN|EPIPE|ETIMEDOUT|ENET|EHOST)/.test(code)
}
