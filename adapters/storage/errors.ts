/** There is no file under the key. */
export class NoSuchFileError extends Error {
  override readonly name = 'NoSuchFileError'
  constructor(key: string, options?: ErrorOptions) {
    super(`there is no file ${key}`, options)
  }
}

/** Not the shape of our keys. Whatever it was, nothing was looked up. */
export class InvalidKeyError extends Error {
  override readonly name = 'InvalidKeyError'
  constructor(key: string, expected: string) {
    super(`key: ${JSON.stringify(key.slice(0, 200))} is none of ours; they look like ${expected}`)
  }
}

/** The local file is not the one that was announced, or not there. Nothing was stored. */
export class FileChangedError extends Error {
  override readonly name = 'FileChangedError'
}

/** The range begins after the file's last byte. */
export class UnsatisfiableRangeError extends Error {
  override readonly name = 'UnsatisfiableRangeError'
  readonly size: number
  constructor(size: number) {
    super(`the file has ${size} bytes, and the range none of them`)
    this.size = size
  }
}

/** The store cannot be reached, refuses us, or failed. Its own error is the cause; no message holds a secret. */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailableError'
}

/** The variables name no storage that could be opened; the message names them. */
export class StorageMisconfiguredError extends Error {
  override readonly name = 'StorageMisconfiguredError'
}
