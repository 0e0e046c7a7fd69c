import type postgres from 'postgres'
import { parse } from 'postgres-array'

/**
 * Array types for the elements that we pass and read, so that the driver need not query them on each new connection
 * (`fetch_types`). postgres.js (3.4.9) does not handle the rejection of that query: a server that goes down at that moment
 * ends the process. One dimension only; a null element stays null. An array of booleans can be read but not passed,
 * because the driver takes it for a single boolean.
 */
export const arrayTypes: Record<string, postgres.PostgresType> = {
  booleanArray: arrayType(1000, (text) => text === 't'),
  integerArray: arrayType(1007, Number),
  bigintArray: arrayType(1016, Number),
  doubleArray: arrayType(1022, Number),
  textArray: arrayType(1009, String),
  uuidArray: arrayType(2951, String),
}

function arrayType(oid: number, parseElement: (text: string) => unknown): postgres.PostgresType {
  return {
    to: oid,
    from: [oid],
    serialize: (value: unknown) =>
      Array.isArray(value) ? serializeArray(value as (string | number | null)[]) : value,
    parse: (text: string) => parse(text, parseElement),
  }
}

/** The literal of an array, every element quoted. */
export function serializeArray(elements: (string | number | boolean | null | undefined)[]): string {
  const quoted = elements.map((element) =>
    element === null || element === undefined
      ? 'null'
      : `"${String(element).replaceAll(/["\\]/g, String.raw`\$&`)}"`,
  )
  return `{${quoted.join(',')}}`
}
