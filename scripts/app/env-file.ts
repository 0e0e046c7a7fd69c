import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from './failure.ts'

/** What `. .pigeonpost/env` brings into a shell. */
export type EnvFile = { PIGEONPOST_URL: string; PIGEONPOST_KEY: string; DATABASE_URL: string }

const names = ['PIGEONPOST_URL', 'PIGEONPOST_KEY', 'DATABASE_URL'] as const

export function envFilePath(dataFolder: string): string {
  return join(dataFolder, 'env')
}

/**
 * Replaces the file in one step: a reader sees the old one or the new one, whole. Mode 0600 from its
 * first byte on. Answers with what puts back what was there before.
 */
export async function writeEnvFile(
  dataFolder: string,
  values: EnvFile,
): Promise<{ undo(): Promise<void> }> {
  const path = envFilePath(dataFolder)
  const before = await readText(path)
  await replace(
    path,
    names.map((name) => `export ${name}=${quoteForShell(values[name])}\n`).join(''),
  )
  return {
    async undo() {
      if (before === null) await rm(path, { force: true })
      else await replace(path, before)
    },
  }
}

/** What the file says; nothing where there is none, or for lines that are not ours. */
export async function readEnvFile(dataFolder: string): Promise<Partial<EnvFile>> {
  const text = (await readText(envFilePath(dataFolder))) ?? ''
  const found: Partial<EnvFile> = {}
  for (const name of names) {
    const quoted = new RegExp(`^export ${name}=('.*')$`, 'm').exec(text)?.[1]
    if (quoted) found[name] = quoted.slice(1, -1).replaceAll(`'\\''`, `'`)
  }
  return found
}

/** Within single quotes a shell changes nothing; a single quote itself has to stand outside. */
export function quoteForShell(value: string): string {
  return `'${value.replaceAll(`'`, `'\\''`)}'`
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

async function replace(path: string, text: string): Promise<void> {
  const half = `${path}.${process.pid}`
  await rm(half, { force: true })
  try {
    const file = await open(half, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(half, path)
  } catch (error) {
    await rm(half, { force: true })
    throw error
  }
}
