// Writes test/support/api-types.d.ts, the types of the API's clients as openapi-typescript makes them from
// /openapi.json; the tests call the API by them, and one holds the file against the document:
//
//   node test/dump-api-types.ts
import { writeFile } from 'node:fs/promises'
import { apiTypes, apiTypesFile, readDocument } from './support/api-document.ts'

await writeFile(apiTypesFile, await apiTypes(await readDocument()))
