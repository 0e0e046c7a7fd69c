import { PigeonpostError } from '../../db/errors.ts'

/** The file is of no type that an upload may have, or of two at once. */
export class UnsupportedTypeError extends PigeonpostError {
  override readonly status = 415
}

/** The file has an image's type, and is none that can be decoded. `details.code` says why. */
export class UnreadableError extends PigeonpostError {
  override readonly status = 422
}

/** The scanner found a virus in it. */
export class InfectedError extends PigeonpostError {
  override readonly status = 422
}

/** Whoever sends the file has stopped sending. */
export class StalledError extends PigeonpostError {
  override readonly status = 408
}
