/** The generic webhook signs nothing: it is let in by an API key with scope `webhooks`. */
export function verify(): boolean {
  return true
}
