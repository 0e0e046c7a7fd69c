#!/usr/bin/env node
// Only what any Node understands may stand here: the rest is imported once this Node is new enough.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `pigeonpost: Node ${process.versions.node} is too old; Pigeonpost needs Node 22.18 or newer`,
  )
  process.exit(1)
}
const { main } = await import('./app/program.ts')
await main(process.argv.slice(2))

export {}
