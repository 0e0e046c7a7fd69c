/**
 * The one table from SQLSTATE to error class. Class PP is the schema's own (see the `raise` statements in
 * migrations/fixtures); what is not in the table passes through unchanged.
 */

export type ErrorDetails = {
  /** Machine-readable: the constraint that was violated, or a code of the API. */
  code: string
  /** The column, variable or JSON path that is wrong. */
  field?: string | undefined
  /** What would be right. */
  hint?: string | undefined
  sqlState?: string | undefined
}

export class PigeonpostError extends Error {
  readonly details: ErrorDetails
  /** Whether the same call may succeed later. */
  readonly retryable: boolean = false
  constructor(message: string, details: ErrorDetails, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.details = details
  }
}
export class InvalidInputError extends PigeonpostError {}
/** The account cannot take this: unknown, of another channel, disabled. */
export class AccountUnusableError extends PigeonpostError {}
export class UnauthorizedError extends PigeonpostError {}
/** Not bound to the tenant, or the key lacks the scope. */
export class ForbiddenError extends PigeonpostError {}
export class NotFoundError extends PigeonpostError {}
export class ConflictError extends PigeonpostError {}
/** An event cursor is below the log's floor: the events after it were dropped. */
export class GoneError extends PigeonpostError {}
export class TooLargeError extends PigeonpostError {}
/** The API key's rate limit is exceeded. */
export class RateLimitedError extends PigeonpostError {
  override readonly retryable = true
}
/** The database cannot be reached, has no connection left, or did not answer in time. Try again. */
export class UnavailableError extends PigeonpostError {
  override readonly retryable = true
}

/** The database's disk is full. Try again when its operator has made room. */
export class DatabaseFullError extends UnavailableError {}

type ErrorClass = new (
  message: string,
  details: ErrorDetails,
  options?: ErrorOptions,
) => PigeonpostError

const bySqlState: Record<string, ErrorClass> = {
  PPV01: InvalidInputError,
  PPA01: AccountUnusableError,
  PPA02: AccountUnusableError,
  PPN01: NotFoundError,
  PPC01: ConflictError,
  PPT01: ForbiddenError,
  PPT02: InvalidInputError,
  PPS01: GoneError,
  '22001': InvalidInputError, // string too long
  '22003': InvalidInputError, // number out of range
  '22007': InvalidInputError, // malformed date
  '22008': InvalidInputError, // date out of range
  '22021': InvalidInputError, // bytes that are not valid UTF-8 text, NUL included
  '22P02': InvalidInputError, // malformed uuid, number, enum
  '22P05': InvalidInputError, // an escape such as \u0000 that text cannot hold
  '23502': InvalidInputError, // not null
  '23503': NotFoundError, // foreign key
  '23505': ConflictError, // unique
  '23514': InvalidInputError, // check
  '25006': UnavailableError, // read-only: a standby, before or after a failover
  '25P01': UnavailableError, // our transaction is gone: a pooler gave the session to another client
  '25P02': UnavailableError, // a failure of another client's in our transaction
  '25P03': UnavailableError, // the session idled in a transaction
  '40001': UnavailableError, // serialization failure
  '40P01': UnavailableError, // deadlock
  '42501': ForbiddenError, // privilege, row-level security
  '53100': DatabaseFullError,
  '53200': UnavailableError, // out of memory
  '53300': UnavailableError, // too many connections
  '55P03': UnavailableError, // lock timeout
  '57014': UnavailableError, // canceled
  '57P01': UnavailableError, // server shutting down
  '57P02': UnavailableError, // another process of the server crashed
  '57P03': UnavailableError, // server starting up
  '57P05': UnavailableError, // the session idled
  CONNECTION_CLOSED: UnavailableError,
  CONNECTION_DESTROYED: UnavailableError,
  CONNECTION_ENDED: UnavailableError,
  CONNECT_TIMEOUT: UnavailableError,
  EAI_AGAIN: UnavailableError,
  ECONNREFUSED: UnavailableError,
  ECONNRESET: UnavailableError,
  EHOSTUNREACH: UnavailableError,
  ENETUNREACH: UnavailableError,
  ENOTFOUND: UnavailableError,
  EPIPE: UnavailableError,
  ETIMEDOUT: UnavailableError,
}

/** The error class for a SQLSTATE of the database; the base class where the table has none. */
export function classOf(sqlState: string): ErrorClass {
  return bySqlState[sqlState] ?? PigeonpostError
}

type DriverError = Error & {
  code: string
  constraint_name?: string
  column_name?: string
  hint?: string
}

function isDriverError(error: unknown): error is DriverError {
  return error instanceof Error && typeof (error as Partial<DriverError>).code === 'string'
}

/** Our error for a driver's error, or the value itself where the table has none. */
export function asPigeonpostError(error: unknown): unknown {
  if (error instanceof PigeonpostError || !isDriverError(error)) {
    return error
  }
  const Class = bySqlState[error.code]
  // Node says of a request whose client went away that its connection was reset, too.
  if (!Class || (error.code === 'ECONNRESET' && error.message === 'aborted')) {
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

/** Postgres ended the transaction for a deadlock or a serialization failure: an immediate retry may succeed. */
function isTransient(error: unknown): boolean {
  return isDriverError(error) && (error.code === '40P01' || error.code === '40001')
}

/** Whether the same call, unchanged, may succeed when it is repeated. */
export function isRetryable(thrown: unknown): boolean {
  const error = asPigeonpostError(thrown)
  return error instanceof PigeonpostError && error.retryable
}

/** Runs `work` again, up to `tries` times, after a deadlock or a serialization failure (40P01, 40001). */
export async function retryTransient<T>(work: () => Promise<T>, tries = 5): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt >= tries || !isTransient(error)) throw error
      await new Promise((resolve) => setTimeout(resolve, 10 * 2 ** attempt * Math.random()))
    }
  }
}
