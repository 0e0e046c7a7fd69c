import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { asPigeonpostError, PigeonpostError } from '../../../db/errors.ts'
import { StorageMisconfiguredError, StorageUnavailableError } from '../../storage/index.ts'

export interface Problem {
  status: number
  code: string
  message: string
  details: { field: string; message: string; hint?: string }[]
}

/** DESIGN.md section 8: every error has this body, whatever went wrong. */
export function problemBody({
  code,
  message,
  details,
}: Problem): { success: false } & Omit<Problem, 'status'> {
  return { success: false, code, message, details }
}

/** Columns in the words of document 004; others in camelCase. */
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
  const unavailable = error instanceof PigeonpostError && error.status === 503
  // A privilege that our own role lacks is no news for the client.
  if (
    error instanceof PigeonpostError &&
    error.status !== 500 &&
    error.details.sqlState !== '42501'
  ) {
    const { code, hint, sqlState } = error.details
    const hidden = unavailable && sqlState !== undefined
    const words = sqlState ? constraintWords[code] : undefined
    const locked = sqlState === '55P03'
    const reason = locked ? 'Others hold what this needs' : 'The database cannot be reached'
    const message = hidden ? reason : (words?.message ?? error.message)
    const field =
      words?.field ??
      (sqlState && error.details.field ? fieldName(error.details.field) : error.details.field)
    return {
      status: error.status,
      code: hidden ? (locked ? 'busy' : 'database_unavailable') : code,
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

/** Messages of ours stand by themselves (document 004 gives some of the words); zod's do not name the field. */
function naming(field: string, message: string): string {
  if (/^(Invalid|Too (big|small))/.test(message)) return `${field}: ${message}`
  return message.startsWith('must ') ? `${field} ${message}` : message
}

const frameworkProblems: Record<
  string,
  Omit<Problem, 'details'> & { field: string; hint?: string }
> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    code: 'too_large',
    message: 'The request is too large',
    field: 'body',
    hint: 'At most 2097152 bytes.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'content_type_unsupported',
    message: 'The content type is not supported',
    field: 'Content-Type',
    hint: 'Send application/json.',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: {
    status: 400,
    code: 'json_malformed',
    message: 'The body is not JSON',
    field: 'body',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    status: 400,
    code: 'json_malformed',
    message: 'The body is empty',
    field: 'body',
    hint: 'Send JSON.',
  },
  FST_ERR_MAX_PARAM_LENGTH: {
    status: 414,
    code: 'path_too_long',
    message: 'A part of the path is too long',
    field: 'path',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    code: 'content_length_wrong',
    message: 'The body is not as long as Content-Length says',
    field: 'Content-Length',
  },
}

function frameworkProblem(error: unknown): Problem | null {
  const { code = '', statusCode = 500, message } = error as Partial<FastifyError>
  const known = frameworkProblems[code]
  if (known) {
    const { field, hint, ...problem } = known
    return { ...problem, details: [{ field, message: known.message, ...(hint ? { hint } : {}) }] }
  }
  if (error instanceof Error && statusCode >= 400 && statusCode < 500) {
    return {
      status: statusCode,
      code: 'bad_request',
      message: message ?? 'Bad request',
      details: [],
    }
  }
  return null
}

/** Files find no place. In words of ours: the system's name folders and hosts, and go to the log. */
function storageProblem(error: unknown): Problem | null {
  const cause = error instanceof StorageUnavailableError ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = 'There is no room for the file now'
    const hint = 'Send it again later; whoever runs this server has to make room.'
    return {
      status: 507,
      code: 'storage_full',
      message,
      details: [{ field: 'file', message, hint }],
    }
  }
  if (!(error instanceof StorageUnavailableError || error instanceof StorageMisconfiguredError))
    return null
  const message = 'The storage of files cannot be used now'
  return { status: 503, code: 'storage_unavailable', message, details: [] }
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
