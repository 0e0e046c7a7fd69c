/** There is no file under the key. */
export class NoSuchFileError extends Error {
  override readonly name = 'NoSuchFileError'
  constructor(key: string, options?: ErrorOptions) {
    super(`there is no file ${key}`, options)
  }
}

/** Not a key of ours. Nothing was looked up. */
export class InvalidKeyError extends Error {
  override readonly name = 'InvalidKeyError'
  constructor(key: string, expected: string) {
    super(`key: ${JSON.stringify(key.slice(0, 200))} is not a key of ours, such as ${expected}`)
  }
}

/** The local file differs from its announced size or hash, or is missing. Nothing was stored. */
export class FileChangedError extends Error {
  override readonly name = 'FileChangedError'
}

/** The range begins after the file's last byte. */
export class UnsatisfiableRangeError extends Error {
  override readonly name = 'UnsatisfiableRangeError'
  readonly size: number
  constructor(size: number) {
    super(`the file has ${size} bytes, and the range is outside of them`)
    this.size = size
  }
}

/** The storage cannot be reached, refused the request, or failed. Its own error is the cause; no message holds a secret. */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailableError'
}

/** The environment variables do not configure a storage; the message names them. */
export class StorageMisconfiguredError extends Error {
  override readonly name = 'StorageMisconfiguredError'
}
