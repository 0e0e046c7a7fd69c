// Writes test/support/exports.json: what the package exports. A test holds it against the sources; a name that goes or
// changes its meaning is a line in CHANGELOG.md.
//
//   node test/dump-exports.ts
import { writeFile } from 'node:fs/promises'
import { exportedNames, exportsFile } from './support/exports.ts'

await writeFile(exportsFile, `${JSON.stringify(await exportedNames(), null, 2)}\n`)
