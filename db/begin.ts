import type { Sql, Transaction } from './connect.ts'
import { UnavailableError } from './errors.ts'
import { onConnectionClosed } from './connection/lost.ts'

/**
 * A transaction that has committed when this resolves, and whose connection may be lost without harm. It is `read
 * committed`, whatever the database's default.
 *
 * Postgres answers the COMMIT of a failed transaction with ROLLBACK and no error, and the driver does not look. It sees
 * most failures itself, but not one that a pooler mixed in by giving the transaction another's session. So we commit
 * ahead of the driver and look at the answer; `and chain`, because a bare second COMMIT is worth a warning in the
 * server's log, and because outside a transaction it is an error.
 *
 * postgres.js (3.4.9) goes on with a work whose connection is gone: its next statement kills the process by writing to
 * a socket that is no more (its issues 1154 and 1208), or runs outside any transaction once the pool has connected
 * anew. So from the loss on the work's statements are refused, and the driver never hears how it ended: what rejects is
 * the loss of the connection itself.
 * @param enter What the transaction begins with, a statement without parameters. It is sent ahead of the work's first
 * query, and not waited for.
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
        // The driver's own hook, by which it learns which connection a transaction has got.
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
    // Ours says what became of the work, also when the connection is lost right after it.
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

/** The transaction's statements, refused once its connection is lost. */
function guarded(tx: Transaction, isLost: () => boolean): Transaction {
  return new Proxy(tx, {
    apply(target, thisArgument, values) {
      if (isLost()) throw connectionLost()
      return Reflect.apply(target, thisArgument, values)
    },
  })
}

function connectionLost(): UnavailableError {
  return new UnavailableError('The connection was lost in the transaction.', {
    code: 'CONNECTION_CLOSED',
    hint: 'Nothing was stored: try again.',
  })
}

/** Whether the connection ended under a query: the server said so with its last words, or the socket did. */
export function connectionIsLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  if (severity === 'FATAL' || severity === 'PANIC') return true
  return typeof code === 'string' && /^(CONNECTION_|ECONN|EPIPE|ETIMEDOUT|ENET|EHOST)/.test(code)
}
