import { asPigeonpostError, PigeonpostError } from '../../db/errors.ts'

/** An error of a command, with a message for its user. */
export class Failure extends Error {
  override readonly name = 'Failure'
  /** Exit code. 1: it failed. 2: it was called with wrong arguments. */
  readonly exitCode: 1 | 2

  constructor(message: string, options: ErrorOptions & { exitCode?: 1 | 2 } = {}) {
    super(message, options)
    this.exitCode = options.exitCode ?? 1
  }
}

/** The error and how to correct it, without a stack. Holds no password. */
export function explain(error: unknown): string {
  const known = asPigeonpostError(error)
  if (known instanceof PigeonpostError) {
    const { field, hint } = known.details
    const named = field && !known.message.includes(field) ? `${field}: ` : ''
    return `${named}${known.message || known.details.code}${hint ? `. ${hint}` : ''}`
  }
  if (!(error instanceof Error)) return String(error)
  if (error.message) return error.message
  // Node tries each address of a host, and puts the reasons of all into one error without a message.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  return first instanceof Error ? first.message : error.name
}

/** The code of a driver's or the system's error: `ECONNREFUSED`, `28P01`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
