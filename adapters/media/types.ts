/** The types that the WhatsApp message API supports for uploads. */

export type MediaKind = 'image' | 'video' | 'audio' | 'file'

/** A type as it is stored and served. */
export type MediaType = {
  contentType: string
  kind: MediaKind
  /** Without dot. */
  extension: string
}

type Allowed = MediaType & {
  /** As people call it. */
  name: string
  /** Other extensions that are as right. */
  aliases: readonly string[]
}

const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'

export const allowedTypes = [
  listed('JPEG', 'image/jpeg', 'image', ['jpg', 'jpeg', 'jpe', 'jfif']),
  listed('PNG', 'image/png', 'image', ['png', 'apng']),
  listed('GIF', 'image/gif', 'image', ['gif']),
  listed('WebP', 'image/webp', 'image', ['webp']),
  listed('MP4', 'video/mp4', 'video', ['mp4', 'm4v']),
  listed('MPEG', 'video/mpeg', 'video', ['mpg', 'mpeg', 'm2v', 'vob']),
  listed('MP3', 'audio/mpeg', 'audio', ['mp3']),
  listed('OGG', 'audio/ogg', 'audio', ['ogg', 'oga', 'opus', 'spx']),
  listed('WAV', 'audio/wav', 'audio', ['wav']),
  listed('PDF', 'application/pdf', 'file', ['pdf']),
  listed('DOC', 'application/msword', 'file', ['doc', 'dot']),
  listed('DOCX', docx, 'file', ['docx']),
] as const satisfies readonly Allowed[]

function listed(
  name: string,
  contentType: string,
  kind: MediaKind,
  [extension, ...aliases]: readonly [string, ...string[]],
): Allowed {
  return { name, contentType, kind, extension, aliases }
}

/** Undefined for a type that is not listed. */
export function allowedType(contentType: string): Allowed | undefined {
  return allowedTypes.find((type) => type.contentType === contentType)
}

/** Whether a file of one of the listed types may carry this extension (in lower case, without dot). */
export function isKnownExtension(extension: string): boolean {
  return allowedTypes.some((type) => isExtensionOf(type, extension))
}

export function isExtensionOf(type: Allowed, extension: string): boolean {
  return type.extension === extension || type.aliases.includes(extension)
}

/** For errors: "JPEG, PNG, … or DOCX". */
export const allowedNames = `${allowedTypes
  .slice(0, -1)
  .map(({ name }) => name)
  .join(', ')} or ${allowedTypes.at(-1)?.name}`
