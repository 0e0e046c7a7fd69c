/** What has to know at once that the driver lost a connection, by the driver's number of it. */
const waiting = new Map<number, () => void>()

/** The driver calls this before anyone who waits for a query learns that it failed. */
export function connectionClosed(id: number): void {
  waiting.get(id)?.()
}

/** @returns a function that ends it */
export function onConnectionClosed(id: number, callback: () => void): () => void {
  waiting.set(id, callback)
  return () => waiting.delete(id)
}
