import { PigeonpostError } from '../../db/errors.ts'

/** The file is of no type that an upload may have, or of two at once. */
export class UnsupportedTypeError extends PigeonpostError {}

/** The file has an image's type, and is none that can be decoded. `details.code` says why. */
export class UnreadableError extends PigeonpostError {}

/** The scanner found a virus in it. */
export class InfectedError extends PigeonpostError {}

/** Whoever sends the file has stopped sending. */
export class StalledError extends PigeonpostError {}
