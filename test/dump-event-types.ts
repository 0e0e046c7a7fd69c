// Writes what is made from the one list of event types, migrations/fixtures/065_event_types.sql: db/events/types.ts and
// the table in db/README.md. A test holds both against the list. Then: node test/dump-api-types.ts
//
//   node test/dump-event-types.ts
import { readFile, writeFile } from 'node:fs/promises'
import postgres from 'postgres'
import { createTemplate, databaseUrl, startTestCluster, template } from './support/cluster.ts'
import {
  type EventTypeRow,
  readmeFile,
  selectEventTypes,
  typesFile,
  typesSource,
  withEventTable,
} from './support/event-types.ts'

// It ends with this process, as in dump-schema.ts.
const { url } = await startTestCluster()
await createTemplate(url)
const sql = postgres(databaseUrl(url, template), { max: 1, onnotice: () => {} })
const rows = await sql.unsafe<EventTypeRow[]>(selectEventTypes)
await sql.end()
await writeFile(typesFile, typesSource(rows))
await writeFile(readmeFile, withEventTable(await readFile(readmeFile, 'utf8'), rows))
process.exit(0)
