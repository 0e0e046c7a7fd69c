/**
 * The one table from SQLSTATE to error class. Class PP is the schema's own (see the `raise` statements in
 * migrations/fixtures); what is not in the table passes through unchanged.
 */

export interface ErrorDetails {
  /** Machine-readable: the constraint that was broken, or a code of the API's own. */
  code: string
  /** The column, variable or JSON path that is wrong. */
  field?: string | undefined
  /** What would be right. */
  hint?: string | undefined
  sqlState?: string | undefined
}

export class PigeonpostError extends Error {
  /** The HTTP status that says the same. */
  readonly status: number = 500
  readonly details: ErrorDetails
  constructor(message: string, details: ErrorDetails, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.details = details
  }
}
export class InvalidInput extends PigeonpostError {
  override readonly status = 400
}
/** The account cannot take this: unknown, of another channel, disabled. */
export class AccountUnusable extends PigeonpostError {
  override readonly status = 400
}
export class Unauthorized extends PigeonpostError {
  override readonly status = 401
}
/** Not bound to the tenant, or the key lacks the scope. */
export class Forbidden extends PigeonpostError {
  override readonly status = 403
}
export class NotFound extends PigeonpostError {
  override readonly status = 404
}
export class Conflict extends PigeonpostError {
  override readonly status = 409
}
/** An event cursor below the log's floor: what it asks for is gone. */
export class Gone extends PigeonpostError {
  override readonly status = 410
}
export class TooLarge extends PigeonpostError {
  override readonly status = 413
}
/** Asked more often than the API key may. */
export class TooMany extends PigeonpostError {
  override readonly status = 429
}
/** The database cannot be reached, has no connection left, or did not answer in time. Try again. */
export class Unavailable extends PigeonpostError {
  override readonly status = 503
}

type ErrorClass = new (
  message: string,
  details: ErrorDetails,
  options?: ErrorOptions,
) => PigeonpostError

const bySqlState: Record<string, ErrorClass> = {
  PPV01: InvalidInput,
  PPA01: AccountUnusable,
  PPA02: AccountUnusable,
  PPN01: NotFound,
  PPC01: Conflict,
  PPT01: Forbidden,
  PPT02: InvalidInput,
  PPS01: Gone,
  '22001': InvalidInput, // string too long
  '22003': InvalidInput, // number out of range
  '22007': InvalidInput, // malformed date
  '22008': InvalidInput, // date out of range
  '22021': InvalidInput, // a byte that no UTF-8 text has, NUL among them
  '22P02': InvalidInput, // malformed uuid, number, enum
  '22P05': InvalidInput, // an escape such as \u0000 that no text has
  '23502': InvalidInput, // not null
  '23503': NotFound, // foreign key
  '23505': Conflict, // unique
  '23514': InvalidInput, // check
  '25P01': Unavailable, // no transaction where there should be ours: a pooler took it
  '25P02': Unavailable, // another's failure in our transaction
  '42501': Forbidden, // privilege, row-level security
  '53300': Unavailable, // too many connections
  '55P03': Unavailable, // lock timeout
  '57P01': Unavailable, // server shutting down
  '57P03': Unavailable, // server starting up
  CONNECTION_CLOSED: Unavailable,
  CONNECTION_ENDED: Unavailable,
  CONNECT_TIMEOUT: Unavailable,
  ECONNREFUSED: Unavailable,
  ENOTFOUND: Unavailable,
}

/** The class of a SQLSTATE that the database answered with; the base, status 500, where the table has none. */
export function classOf(sqlState: string): ErrorClass {
  return bySqlState[sqlState] ?? PigeonpostError
}

interface DriverError extends Error {
  code: string
  constraint_name?: string
  column_name?: string
  hint?: string
}

function isDriverError(error: unknown): error is DriverError {
  return error instanceof Error && typeof (error as Partial<DriverError>).code === 'string'
}

/** Our error for a driver's, or the thing itself where the table has none. */
export function asPigeonpostError(error: unknown): unknown {
  if (error instanceof PigeonpostError || !isDriverError(error)) {
    return error
  }
  const Class = bySqlState[error.code]
  if (!Class) {
    return error
  }
  return new Class(
    error.message,
    {
      code: error.constraint_name ?? error.code,
      field: error.column_name,
      hint: error.hint,
      sqlState: error.code,
    },
    { cause: error },
  )
}

const transient = new Set(['40P01', '40001'])

/** Runs `work` again when Postgres chose it as the victim of a deadlock or a serialization failure (40P01, 40001). */
export async function retryTransient<T>(work: () => Promise<T>, tries = 5): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt >= tries || !isDriverError(error) || !transient.has(error.code)) {
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 10 * 2 ** attempt * Math.random()))
    }
  }
}
