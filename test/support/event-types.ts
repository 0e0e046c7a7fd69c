import { join } from 'node:path'

/** A row of pigeonpost.event_types. */
export type EventTypeRow = {
  type: string
  description: string
  payload_schema: { required: string[]; properties: Record<string, Record<string, unknown>> }
  since: string
}

const root = join(import.meta.dirname, '..', '..')
export const typesFile = join(root, 'db', 'events', 'types.ts')
export const readmeFile = join(root, 'db', 'README.md')

export const selectEventTypes = `
  select type, description, payload_schema, since from pigeonpost.event_types order by type collate "C"`

/** What db/events/types.ts holds. */
export function typesSource(rows: EventTypeRow[]): string {
  const entries = rows.map(({ type, description, payload_schema: payload, since }) => {
    const parts = Object.entries({ description, since, payload })
    return `  '${type}': {\n${parts.map(([name, value]) => `    ${name}: ${JSON.stringify(value)},\n`).join('')}  },\n`
  })
  return `// Made by test/dump-event-types.ts from migrations/fixtures/065_event_types.sql.

/** Every type of event, and the JSON Schema of its payload as read_events() shows it. */
export const eventTypes = {
${entries.join('')}} as const

export type EventType = keyof typeof eventTypes
`
}

/** The README of db/ with its table of events. */
export function withEventTable(readme: string, rows: EventTypeRow[]): string {
  const lines = rows.map(({ type, description, payload_schema: { required, properties } }) => {
    const optional = Object.keys(properties).filter((name) => !required.includes(name))
    const fields = [
      ...required.filter((name) => name !== 'event_id' && name !== 'timestamp'),
      ...optional.map((name) => `${name}?`),
    ]
    return `| \`${type}\` | ${description} | ${fields.map((name) => `\`${name}\``).join(', ')} |\n`
  })
  const table = `| type | when | payload |\n|---|---|---|\n${lines.join('')}`
  return readme.replace(
    /(<!-- event types:.* -->\n)[^]*?(<!-- end -->)/,
    (_, before: string, after: string) => `${before}${table}${after}`,
  )
}
