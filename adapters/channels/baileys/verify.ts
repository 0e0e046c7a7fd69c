/** Baileys signs nothing: a process that posts its events is let in by an API key with scope `webhooks`. */
export function verify(): boolean {
  return true
}
