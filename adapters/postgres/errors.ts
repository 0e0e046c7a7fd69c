/** Another live process owns the data folder. Nothing was touched. */
export class InUseError extends Error {
  override readonly name = 'InUseError'
  readonly folder: string

  constructor(folder: string, owner: string | null) {
    super(
      `the data folder ${folder} is in use${owner ? ` by process ${owner}` : ''}: stop that one first, or choose another folder (PIGEONPOST_DATA)`,
    )
    this.folder = folder
  }
}

/** PostgreSQL could not be created, started or kept running; the message ends with the end of its log. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'

  constructor(message: string, output: string, options?: ErrorOptions) {
    const lines = output.trim().split('\n').slice(-8).join('\n')
    super(lines ? `${message}:\n${lines}` : message, options)
  }
}
