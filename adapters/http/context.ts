import type { Sql, Transaction } from '../../db/connect.ts'
import { asTenant } from '../../db/tenant.ts'
import type { Gate } from './gate.ts'

/** What the routes work with. */
export interface ApiContext {
  /** Runs `work` with the pool when a connection is to be had. @throws Unavailable `busy` */
  run<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  /** Runs `work` in a transaction of role pigeonpost_app that sees this tenant alone. @throws Unavailable `busy` */
  asTenant<T>(tenantId: number, work: (tx: Transaction) => Promise<T>): Promise<T>
  auth: 'keys' | 'none'
  version: string
}

export function createContext(
  sql: Sql,
  gate: Gate,
  about: Pick<ApiContext, 'auth' | 'version'>,
): ApiContext {
  return {
    ...about,
    run: (work) => gate(() => work(sql)),
    asTenant: (tenantId, work) => gate(() => asTenant(sql, tenantId, work)),
  }
}
