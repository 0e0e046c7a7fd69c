import { InvalidArgumentError } from 'commander'

/** For commander: a whole number in a range, or wrong usage that names the option and the range. */
export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < from || value > to) {
      throw new InvalidArgumentError(`Give a whole number from ${from} to ${to}.`)
    }
    return value
  }
}

/** For commander: an option that may be given more than once. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text]
}

export const tenantId = wholeNumber(1, 2 ** 31 - 1)

export function uuid(text: string): string {
  return uuidOr(text, 'Give a uuid.')
}

function uuidOr(text: string, advice: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new InvalidArgumentError(advice)
  }
  return text.toLowerCase()
}

export function threadId(text: string): string {
  return /^\d{1,18}$/.test(text) ? text : uuidOr(text, 'Give a number or a uuid.')
}
