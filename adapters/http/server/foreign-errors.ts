/** Errors of Fastify and of the storage of files, in our shape and words. */

import type { FastifyError } from 'fastify'
import { StorageMisconfiguredError, StorageUnavailableError } from '../../storage/index.ts'
import type { Problem } from './problem.ts'

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

/** Null where it is none of Fastify's. */
export function frameworkProblem(error: unknown): Problem | null {
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

/** Null where it is none of the storage's. The system's own words name folders and hosts: those are for the log alone. */
export function storageProblem(error: unknown): Problem | null {
  const cause = error instanceof StorageUnavailableError ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = 'There is no room for the file now'
    const hint = 'Free space in the storage of this server, then send it again.'
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
