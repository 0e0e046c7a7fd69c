/**
 * The key of a list that is ordered by time: the moment by which the list is ordered, ISO 8601 with its microseconds, and the number
 * that settles ties. A `Date` would lose the microseconds, and with them rows between two pages; so does the driver,
 * where a parameter is not cast to text first.
 */
export type Place = { at: string; number: number }
