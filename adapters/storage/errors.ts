/** There is no file under the key. */
export class NoSuchFile extends Error {
  override readonly name = 'NoSuchFile'
  constructor(key: string, options?: ErrorOptions) {
    super(`there is no file ${key}`, options)
  }
}

/** Not the shape of our keys. Whatever it was, nothing was looked up. */
export class InvalidKey extends Error {
  override readonly name = 'InvalidKey'
  constructor(key: string, expected: string) {
    super(`key: ${JSON.stringify(key.slice(0, 200))} is none of ours; they look like ${expected}`)
  }
}

/** The local file is not the one that was announced, or not there. Nothing was stored. */
export class FileChanged extends Error {
  override readonly name = 'FileChanged'
}

/** The range begins after the file's last byte. */
export class UnsatisfiableRange extends Error {
  override readonly name = 'UnsatisfiableRange'
  readonly size: number
  constructor(size: number) {
    super(`the file has ${size} bytes, and the range none of them`)
    this.size = size
  }
}

/** The store cannot be reached, refuses us, or failed. Its own error is the cause; no message holds a secret. */
export class StorageUnavailable extends Error {
  override readonly name = 'StorageUnavailable'
}

/** The variables name no storage that could be opened; the message names them. */
export class StorageMisconfigured extends Error {
  override readonly name = 'StorageMisconfigured'
}
