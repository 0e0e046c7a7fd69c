/**
 * Takes the files of a folder in as uploads, 20 at a time, and prints how many bytes of memory this process took at most,
 * and on Linux its helper.
 */

import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { createReadStream, readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkAllowed, inspect, makePreview, sniff, spool } from '../../../adapters/media/index.ts'
import { createScanner } from '../../../adapters/scan/index.ts'

const [samples = '', folder = '', times = '1', clamdPort = ''] = process.argv.slice(2)
const scanner = clamdPort ? createScanner({ host: '127.0.0.1', port: Number(clamdPort) }) : null
const names = await readdir(samples)
const waiting = Array.from({ length: Number(times) }, (_, n) => names[n % names.length] ?? '')

async function ingestFile(name: string): Promise<void> {
  const source = createReadStream(join(samples, name))
  const { path } = await spool(source, { folder, limit: 10_485_760 })
  const type = checkAllowed({ filename: name }, await sniff(path))
  if (scanner) await scanner.scan(path)
  await inspect(path, type)
  const preview = await makePreview(path, type, { folder })
  for (const made of [path, preview?.path]) if (made) await rm(made)
}

async function work(): Promise<void> {
  for (let name = waiting.pop(); name; name = waiting.pop()) await ingestFile(name)
}

let helper: ChildProcess | undefined
subscribe('child_process', (message) => {
  helper = (message as { process: ChildProcess }).process
})

let most = 0
// Not resourceUsage: that begins with what the parent had.
const watch = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss())
}, 10)
await Promise.all(Array.from({ length: 20 }, work))
clearInterval(watch)

function mostOfHelper(): number | null {
  if (process.platform !== 'linux') return null
  const status = readFileSync(`/proc/${helper?.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1_024
}

console.log(JSON.stringify({ most, helper: mostOfHelper() }))
