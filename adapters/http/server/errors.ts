import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import {
  AccountUnusableError,
  asPigeonpostError,
  ConflictError,
  DatabaseFullError,
  ForbiddenError,
  GoneError,
  InvalidInputError,
  NotFoundError,
  PigeonpostError,
  RateLimitedError,
  TooLargeError,
  UnauthorizedError,
  UnavailableError,
} from '../../../db/errors.ts'
import {
  InfectedError,
  StalledError,
  UnreadableError,
  UnsupportedTypeError,
} from '../../media/index.ts'
import { frameworkProblem, storageProblem } from './foreign-errors.ts'
import { type Problem, problemBody } from './problem.ts'

/** The HTTP status of each class of error; 500 for the others. */
const statuses: ReadonlyMap<string, number> = new Map(
  (
    [
      [InvalidInputError, 400],
      [AccountUnusableError, 400],
      [UnauthorizedError, 401],
      [ForbiddenError, 403],
      [NotFoundError, 404],
      [StalledError, 408],
      [ConflictError, 409],
      [GoneError, 410],
      [TooLargeError, 413],
      [UnsupportedTypeError, 415],
      [InfectedError, 422],
      [UnreadableError, 422],
      [RateLimitedError, 429],
      [UnavailableError, 503],
      [DatabaseFullError, 507],
    ] as const
  ).map(([{ name }, status]) => [name, status]),
)

/** @param error a `PigeonpostError`, or what was kept of one */
export function statusOf(error: { name: string }): number {
  return statuses.get(error.name) ?? 500
}

/** Columns by their names in the WhatsApp message API; others in camelCase. */
const fieldNames: Record<string, string> = { address: 'to', body: 'content' }

export function fieldName(column: string): string {
  return (
    fieldNames[column] ?? column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  )
}

/** Of unique and check constraints Postgres says no more than their names. */
const constraintWords: Record<string, { field: string; message: string }> = {
  accounts_address_is_unique: {
    field: 'address',
    message: 'The channel has an account with that address already',
  },
  accounts_one_default: {
    field: 'isDefault',
    message: 'The channel has a default account already',
  },
  accounts_recipient_interval_in_range: {
    field: 'settings.recipient_interval_ms',
    message: 'recipient_interval_ms must be from 0 to 86400000',
  },
  customers_lead_id_is_unique: {
    field: 'leadId',
    message: 'Another customer has that lead id already',
  },
  conversations_one_external: {
    field: 'externalId',
    message: 'The account has a conversation with that external id already',
  },
}

/** What to tell the client of an error. Of what is our own fault it hears no more than the request's id. */
export function problemOf(thrown: unknown, requestId: string): Problem {
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const details = thrown.validation.flatMap(detailsOf)
    const [first] = details
    return {
      status: 400,
      code: 'invalid_input',
      message: first?.message ?? 'Invalid input',
      details,
    }
  }
  const error = asPigeonpostError(thrown)
  const status = error instanceof PigeonpostError ? statusOf(error) : 500
  // A privilege that our own role lacks is no news for the client.
  if (error instanceof PigeonpostError && status !== 500 && error.details.sqlState !== '42501') {
    const { code, hint, sqlState } = error.details
    const hidden = error instanceof UnavailableError && sqlState !== undefined
    const words = sqlState ? constraintWords[code] : undefined
    const unavailable = hidden ? unavailability(sqlState) : null
    const message = unavailable?.message ?? words?.message ?? error.message
    const field =
      words?.field ??
      (sqlState && error.details.field ? fieldName(error.details.field) : error.details.field)
    return {
      status,
      code: unavailable?.code ?? code,
      message,
      details: field ? [{ field, message, ...(hint ? { hint } : {}) }] : [],
    }
  }
  return (
    storageProblem(error) ??
    frameworkProblem(error) ?? {
      status: 500,
      code: 'internal_error',
      message: `Something went wrong on our side; it is in the log as request ${requestId}`,
      details: [],
    }
  )
}

/** What the client hears of a database that cannot serve it now. */
function unavailability(sqlState: string): Pick<Problem, 'code' | 'message'> {
  if (/^(55P03|40001|40P01)$/.test(sqlState)) {
    return { code: 'busy', message: 'Others hold what this needs' }
  }
  if (sqlState === '53100') {
    return { code: 'database_full', message: 'The database has no room left' }
  }
  if (sqlState === '25006') {
    return { code: 'database_read_only', message: 'The database takes no writes now' }
  }
  return { code: 'database_unavailable', message: 'The database cannot be reached' }
}

type Issue = {
  keyword: string
  instancePath: string
  message?: string
  params: Record<string, unknown>
}

function detailsOf(issue: Issue): Problem['details'] {
  const path = issue.instancePath.split('/').filter(Boolean)
  const keys = issue.params['keys']
  if (issue.keyword === 'unrecognized_keys' && Array.isArray(keys)) {
    return keys.map((key) => {
      const field = [...path, String(key)].join('.')
      return { field, message: `${field} is not known` }
    })
  }
  const field = path.join('.') || 'body'
  const given = issue.message ?? 'Invalid input'
  const missing = issue.keyword === 'invalid_type' && given.endsWith('received undefined')
  return [{ field, message: missing ? `${field} is missing` : naming(field, given) }]
}

/** Our own messages name the field (some are worded as in the WhatsApp message API); zod's do not. */
function naming(field: string, message: string): string {
  if (/^(Invalid|Too (big|small))/.test(message)) return `${field}: ${message}`
  return message.startsWith('must ') ? `${field} ${message}` : message
}

/** What every answer carries. It is data, and nothing that a browser should run, frame or keep. */
export function commonHeaders(requestId: string): Record<string, string> {
  return {
    'x-request-id': requestId,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  }
}

/** Without the driver's `detail`, which quotes the row: bodies and addresses are not for the log. */
export function loggable(thrown: unknown): object {
  const { name, message, stack, cause } =
    thrown instanceof Error ? thrown : new Error(String(thrown))
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return {
    type: name,
    message,
    code,
    stack,
    ...(cause === undefined ? {} : { cause: loggable(cause) }),
  }
}

/** Answers with the error, and logs what is our own fault. */
export function answerError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = problemOf(thrown, request.id)
  if (problem.status >= 500) {
    request.log.error({ err: loggable(thrown) }, problem.message)
  }
  if (problem.status === 503) {
    reply.header('retry-after', '1')
  }
  if (problem.status === 507) {
    reply.header('retry-after', '60')
  }
  if (problem.status === 408) {
    // Nothing more is expected of who has stopped sending.
    reply.header('connection', 'close')
  }
  if (problem.status === 413) {
    // The rest of the body is read and thrown away, so that the client, still writing, gets to read the answer.
    reply.removeHeader('connection')
  }
  return reply
    .code(problem.status)
    .type('application/json')
    .serializer(JSON.stringify)
    .send(problemBody(problem))
}
