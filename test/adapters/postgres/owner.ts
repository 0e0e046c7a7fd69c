// Owns a data folder until it is killed; prints the URL.
import { z } from 'zod'
import { startEmbedded } from '../../../adapters/postgres/embedded.ts'
import { postgresVersion } from '../../support/version.ts'

const folder = z.string().parse(process.argv[2])
console.log((await startEmbedded({ folder, version: postgresVersion })).url)
