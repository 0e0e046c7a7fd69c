import type { FastifySchemaCompiler } from 'fastify'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { InvalidInputError } from '../../../db/errors.ts'

/**
 * Validates as fastify-type-provider-zod does; but where zod itself throws on a value, the value is invalid input: zod
 * compares the `length` of whatever stands for a string, and that of `{"length": {"toString": 1}}` throws.
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
