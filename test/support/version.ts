import { z } from 'zod'

/** The PostgreSQL that the suite runs on: PG_VERSION, 18 by default. */
export const postgresVersion = z
  .enum(['15', '16', '17', '18'], { error: 'PG_VERSION can be 15, 16, 17 or 18' })
  .transform((version) => Number(version) as 15 | 16 | 17 | 18)
  .parse(process.env['PG_VERSION'] ?? '18')
