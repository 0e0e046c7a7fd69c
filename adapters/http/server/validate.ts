import type { FastifySchemaCompiler } from 'fastify'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { InvalidInputError } from '../../../db/errors.ts'

/**
 * As fastify-type-provider-zod validates, but where zod itself fails on a value, it is the value that is wrong: a length
 * is asked of whatever stands for a text, and that of `{"length": {"toString": 1}}` cannot be told.
 * @throws InvalidInputError naming the field
 */
export const validateInput: FastifySchemaCompiler<z.ZodType> = (route) => {
  const validate = validatorCompiler(route)
  return (data: unknown) => {
    try {
      return validate(data)
    } catch (cause) {
      const field = fieldThatFails(validate, data)
      throw new InvalidInputError(
        `${field} is of the wrong type`,
        { code: 'invalid_input', field },
        { cause },
      )
    }
  }
}

/** The field without which there is no failure; no text or number makes one. */
function fieldThatFails(validate: (data: unknown) => unknown, data: unknown): string {
  const fields: object = typeof data === 'object' && !Array.isArray(data) ? { ...data } : {}
  const found = Object.entries(fields).find(([name, value]) => {
    if (typeof value !== 'object') return false
    try {
      validate({ ...fields, [name]: undefined })
      return true
    } catch {
      return false
    }
  })
  return found?.[0] ?? 'body'
}
