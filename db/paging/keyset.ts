/**
 * The key of a list that is ordered by time: the time, ISO 8601 with microseconds, and a number that breaks ties. A `Date`
 * would lose the microseconds, and with them rows between two pages; so does the driver, where a parameter is not cast to
 * text first.
 */
export type Place = { at: string; number: number }
