/** fakechat signs nothing: its webhooks are let in by an API key with scope `webhooks`. */
export function verify(): boolean {
  return true
}
