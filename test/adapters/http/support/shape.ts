/** How an answer is compared with a document's example, or with its table. */

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

/**
 * Where an answer is not as the example: a field is missing, or is of another type. `uuid` stands for any, and so does a
 * time; a number for any whole one. Any other text of an example is the document's word, and the answer's, too.
 */
export function differences(actual: unknown, example: unknown, at = 'answer'): string[] {
  const wrong = [`${at} is ${JSON.stringify(actual)}, not as ${JSON.stringify(example)}`]
  if (typeof example === 'string') {
    const pattern = /^uuid\d?$/.test(example) ? uuid : isoTime.test(example) ? isoTime : null
    const same = pattern ? typeof actual === 'string' && pattern.test(actual) : actual === example
    return same ? [] : wrong
  }
  if (typeof example === 'number') return Number.isInteger(actual) ? [] : wrong
  if (Array.isArray(example)) {
    if (!Array.isArray(actual) || actual.length < example.length) return wrong
    return example.flatMap((one, i) => differences(actual[i], one, `${at}.${i}`))
  }
  if (typeof example !== 'object' || example === null) return actual === example ? [] : wrong
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return wrong
  const fields: Record<string, unknown> = { ...actual }
  return Object.entries(example).flatMap(([name, value]) =>
    name in fields
      ? differences(fields[name], value, `${at}.${name}`)
      : [`${at}.${name} is missing`],
  )
}

const kinds: Record<string, (value: unknown) => boolean> = {
  String: (value) => typeof value === 'string',
  DateTime: (value) => typeof value === 'string' && isoTime.test(value),
  Boolean: (value) => typeof value === 'boolean',
  UUID: (value) => typeof value === 'string' && uuid.test(value),
  TEXT: (value) => typeof value === 'string',
  TIMESTAMPTZ: (value) => typeof value === 'string' && isoTime.test(value),
  JSONB: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
}

/** Where an answer has not the columns of a document's table, in camelCase, of their types; an optional one may be null. */
export function missingColumns(actual: Record<string, unknown>, table: string): string[] {
  const columns = table.matchAll(/^ +(\w+) +(\w+)(\??)(.*)$/gm)
  return [...columns].flatMap(([line, column = '', type = '', mark = '', rest = '']) => {
    const name = column.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const words = /\/\/ (.*)$/.exec(rest)?.[1]?.split(', ')
    const isSql = type === type.toUpperCase() || type.includes('_')
    const optional = isSql ? !/NOT NULL|PRIMARY KEY|DEFAULT/.test(rest) : mark === '?'
    const value = actual[name]
    const fits = words ? words.includes(String(value)) : (kinds[type] ?? kinds['TEXT'])?.(value)
    return fits || (optional && value === null)
      ? []
      : [`${name} is ${String(value)}: ${line.trim()}`]
  })
}
