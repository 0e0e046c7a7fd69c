import type { Trouble } from './parse.ts'

/** `media.metadata`: what is known of the file besides type and size. A field that is not known is not there. */
export type Metadata = {
  /** Pixels, as it is to be shown (orientation applied). */
  width?: number
  height?: number
  /** An image's, by EXIF: 1 to 8. */
  orientation?: number
  /** Frames of an animation; 1 of any other image. */
  frames?: number
  durationSeconds?: number
  videoCodec?: string
  audioCodec?: string
  /** Of a PDF. */
  pages?: number
  /** Why nothing is known of a PDF, video or audio file. A viewer may still open it. */
  problem?: Trouble
}
