import type { Storage, StorageConfig } from '../storage/index.ts'
import { chooseStorage, openStorage } from '../storage/index.ts'

/** Where new files go, and where those lie that were stored under another configuration. */
export type Storages = {
  current: Storage
  /** @throws StorageMisconfiguredError where the variables of that storage are not given (any more) */
  get(name: string): Promise<Storage>
  close(): void
}

/** Opens storages by their names, each once and when it is needed first. */
export function createOpener(
  config: StorageConfig,
  options: { dataFolder: string; baseUrl: string },
): Omit<Storages, 'current'> {
  const opened = new Map<string, Promise<Storage>>()
  return {
    async get(name) {
      const known = opened.get(name)
      if (known) return known
      const PIGEONPOST_STORAGE = name as Storage['name']
      const opening = openStorage({ ...config, PIGEONPOST_STORAGE }, options)
      opened.set(name, opening)
      opening.catch(() => opened.delete(name))
      return opening
    },
    close() {
      for (const opening of opened.values()) void opening.then((one) => one.close()).catch(() => {})
    },
  }
}

/**
 * Opens the storage that the variables ask for; any other that a row names is opened when it is needed first.
 * @throws StorageMisconfiguredError, StorageUnavailableError
 */
export async function openStorages(
  config: StorageConfig,
  options: { dataFolder: string; baseUrl: string },
): Promise<Storages> {
  const opener = createOpener(config, options)
  return { ...opener, current: await opener.get(chooseStorage(config)) }
}
