// Writes migrations/schema.sql, the schema as pg_dump tells it, for people to read and for a test to hold against the
// migrations. Its text differs between versions of pg_dump and of the server, so both are PostgreSQL 15:
//
//   PG_VERSION=15 node test/dump-schema.ts
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTemplate, databaseUrl, startTestCluster, template } from './support/cluster.ts'
import { dumpSchema, findPgDump } from './support/dump.ts'

const pgDump = await findPgDump()
if ('missing' in pgDump) {
  console.error(pgDump.missing)
  process.exit(1)
}
// It ends with this process. Stopped before, it would take connections along that graphile-migrate keeps a while, and
// that then exits with an error.
const { url } = await startTestCluster()
await createTemplate(url)
const text = await dumpSchema(pgDump.path, databaseUrl(url, template))
await writeFile(join(import.meta.dirname, '..', 'migrations', 'schema.sql'), text)
process.exit(0)
